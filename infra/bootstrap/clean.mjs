import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { programOf } from './docker.mjs'
import { createEngine } from './engine.mjs'
import { Stop } from './processes.mjs'

/** Removes everything that was made here: Docker objects of our installations, base images, our engine, the state directory. */
export async function clean({ state, machine, say }) {
  const lock = readLock(state)
  if (lock !== null) throw new Stop(`process ${lock} still works with ${state.home}: stop it first`)
  const engine = await findEngine(machine)
  if (engine === null) {
    if (state.lines('installations').length > 0) {
      throw new Stop(
        'the Docker engine does not answer, so what was made in it cannot be removed: start it, then clean again'
      )
    }
  } else {
    for (const installation of state.lines('installations')) {
      await removeObjects(engine, `com.slipway.installation=${installation}`, say)
      removeSecretFiles(installation, machine)
    }
    // Servers that ran in containers, see packages/machine.
    for (const name of ['redis', 'registry']) await removeObjects(engine, `com.slipway.server=${state.file(name)}`, say)
    for (const image of state.lines('made-images')) {
      if ((await engine.removeImage(image)).status === 200) say(`removed image ${image}`)
    }
    await removeFirewall(engine, machine, say)
  }
  await stopOwnEngine(state, say)
  const packages = state.lines('installed-packages')
  rmSync(state.home, { recursive: true, force: true })
  say(`removed ${state.home}`)
  if (packages.length > 0) say(`left installed (packages of the operating system): ${packages.join(' ')}`)
}

/** Containers hold on to networks, volumes and images: they go first. */
async function removeObjects(engine, label, say) {
  for (const kind of ['containers', 'networks', 'volumes', 'images']) {
    const ids = await engine.withLabel(kind, label)
    for (const id of ids) await engine.remove(kind, id)
    if (ids.length > 0) say(`removed ${ids.length} ${kind} with label ${label}`)
  }
}

/** Functions' secrets, which are kept in memory where there is a place for them: see packages/cluster. */
function removeSecretFiles(installation, { env }) {
  if (!/^[0-9a-f-]{36}$/.test(installation)) return
  for (const place of ['/run', env.XDG_RUNTIME_DIR ?? '/run']) {
    rmSync(join(place, `slipway-${installation}`), { recursive: true, force: true })
  }
}

/** The rules of packages/cluster guard the networks of all installations: they go when no such network is left. */
async function removeFirewall(engine, machine, say) {
  const iptables = machine.find('iptables')
  if (!machine.isRoot || iptables === null) return
  if ((await engine.withLabel('networks', 'com.slipway.installation')).length > 0) return
  const hooks = { INPUT: 'SLIPWAY-INPUT', 'DOCKER-USER': 'SLIPWAY-FORWARD' }
  for (const [parent, chain] of Object.entries(hooks)) {
    const { code } = await machine.run(iptables, ['-w', '-D', parent, '-i', 'slw+', '-j', chain])
    if (code !== 0) continue // it was never set up
    await machine.run(iptables, ['-w', '-F', chain])
    await machine.run(iptables, ['-w', '-X', chain])
    say(`removed the firewall rules ${chain}`)
  }
  await removeRoutingRules(machine, say)
}

/** One of each for every address pool. */
async function removeRoutingRules(machine, say) {
  const ip = machine.find('ip')
  if (ip === null) return
  const rules = ['unreachable preference 20201', 'lookup main suppress_prefixlength 0 preference 20200']
  for (const rule of rules) {
    while ((await machine.run(ip, ['-4', 'rule', 'del', ...rule.split(' ')])).code === 0)
      say(`removed the routing rule "${rule}"`)
  }
}

async function findEngine({ env, dockerSockets }) {
  const addresses = env.DOCKER_HOST ? [env.DOCKER_HOST] : dockerSockets.map((socket) => `unix://${socket}`)
  for (const address of addresses) {
    const engine = createEngine(address, env)
    try {
      await engine.version()
      return engine
    } catch {
      // the next one may answer; that none does is told by the caller
    }
  }
  return null
}

async function stopOwnEngine(state, say) {
  const file = state.file('docker/dockerd.pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8'))
  if (programOf(pid) !== 'dockerd') return
  process.kill(pid, 'SIGTERM')
  for (let i = 0; i < 150 && programOf(pid) === 'dockerd'; i++) await sleep(200)
  say('stopped the Docker engine that was started here')
}

/** The lock of packages/machine: who works with the state directory now. */
function readLock(state) {
  const file = state.file('lock')
  if (!existsSync(file)) return null
  try {
    const { pid } = JSON.parse(readFileSync(file, 'utf8'))
    process.kill(pid, 0)
    return pid
  } catch {
    return null // left by a process that is gone
  }
}
