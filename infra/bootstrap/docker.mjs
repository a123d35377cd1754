import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEngine } from './engine.mjs'
import { Stop } from './processes.mjs'
import { makeDirectory } from './state.mjs'

const advice = 'install one (Debian and Ubuntu: apt-get install docker.io), or set DOCKER_HOST to one that runs'

/** The Docker engine: the configured one, else one that runs, else the installed one is started, else it is installed. */
export async function ensureDocker({ machine, apt, state, say }) {
  const configured = machine.env.DOCKER_HOST
  if (configured) {
    const engine = createEngine(configured, machine.env)
    const problem = await problemOf(engine)
    if (problem === null) return engine
    throw new Stop(
      `the Docker engine at DOCKER_HOST ${configured} does not answer (${problem}): start it or change DOCKER_HOST`
    )
  }
  const problems = []
  for (const socket of machine.dockerSockets) {
    const engine = createEngine(`unix://${socket}`)
    const problem = await problemOf(engine)
    if (problem === null) return engine
    problems.push(problem)
  }
  if (problems.includes('EACCES')) {
    throw new Stop(
      'this user may not use the Docker engine: add it to the group "docker" and log in again, or set DOCKER_HOST'
    )
  }
  if (machine.find('dockerd') === null) {
    if (apt === null) throw new Stop(`no Docker engine: ${advice}`)
    await apt.install(['docker.io'])
    if (machine.find('dockerd') === null) throw new Stop('apt-get installed docker.io, but dockerd is still missing')
  }
  return startDocker({ machine, state, say })
}

export function usualDockerSockets() {
  const uid = process.getuid?.() ?? 0
  const inHome = ['.docker/run/docker.sock', '.docker/desktop/docker.sock'].map((path) => join(homedir(), path))
  return ['/var/run/docker.sock', `/run/user/${uid}/docker.sock`, ...inHome]
}

async function startDocker({ machine, state, say }) {
  const engine = createEngine(`unix://${machine.dockerSockets[0]}`)
  if (!machine.isRoot)
    throw new Stop('the Docker engine is installed but does not run: start it as root (systemctl start docker)')
  // Two engines in one network namespace take each other's networks away: never start a second one.
  const running = machine.findProcess('dockerd')
  if (running !== null) {
    throw new Stop(
      `a Docker engine runs (process ${running}) but does not answer at ${engine.address}: set DOCKER_HOST to its address`
    )
  }
  if (machine.hasSystemd) {
    say('starting the Docker engine (systemctl start docker)')
    const { code, output } = await machine.run('systemctl', ['start', 'docker'])
    if (code !== 0) throw new Stop(`the Docker engine does not start:\n${output.trim()}`)
    await waitForEngine(engine, () => null)
    return engine
  }
  const log = state.file('docker/dockerd.log')
  say(`starting the Docker engine by hand (dockerd, log in ${log})`)
  const child = startDetached(
    machine.find('dockerd'),
    ['--pidfile', state.file('docker/dockerd.engine-pid')],
    log,
    state
  )
  await waitForEngine(engine, () => (child.exitCode === null ? null : `it ended with exit code ${child.exitCode}`), log)
  child.unref()
  return engine
}

/** It outlives us on purpose: the next start is quicker. `--clean` stops it. */
function startDetached(program, args, log, state) {
  makeDirectory(state.file('docker'))
  const out = openSync(log, 'a')
  const child = spawn(program, args, { detached: true, stdio: ['ignore', out, out], cwd: '/' })
  closeSync(out)
  writeFileSync(state.file('docker/dockerd.pid'), `${child.pid}\n`)
  return child
}

async function waitForEngine(engine, hasEnded, log) {
  const end = Date.now() + 60_000
  for (;;) {
    const problem = await problemOf(engine)
    if (problem === null) return
    const reason = hasEnded() ?? (Date.now() > end ? `no answer after 60 s (${problem})` : null)
    if (reason !== null) throw new Stop(`the Docker engine does not start: ${reason}${lastLines(log)}`)
    await sleep(200)
  }
}

function lastLines(log) {
  if (log === undefined || !existsSync(log)) return ''
  return `. The end of ${log}:\n${readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n')}`
}

async function problemOf(engine) {
  try {
    await engine.version()
    return null
  } catch (err) {
    return err.code ?? err.message
  }
}

/** The id of a running program; null when none runs, or this is not Linux. */
export function findProcess(name) {
  if (!existsSync('/proc')) return null
  return readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && programOf(pid) === name) ?? null
}

/** The name of a running process; null when there is none with this id. */
export function programOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return null // gone, or not Linux
  }
}
