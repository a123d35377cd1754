import { existsSync } from 'node:fs'
import { Stop } from './processes.mjs'

/** Servers that Debian's packages start by themselves; ours are started by us, with our own configuration. */
const ownServices = {
  'redis-server': 'redis-server',
  'docker-registry': 'docker-registry',
  postgresql: 'postgresql',
  'nginx-light': 'nginx'
}

/** Installs packages of Debian and Ubuntu; null where that is not possible. */
export function createApt({ machine, state, say }) {
  const aptGet = machine.find('apt-get')
  if (!machine.isRoot || aptGet === null) return null
  const env = { ...machine.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1', RUNLEVEL: '1' }
  const apt = (...args) => machine.run(aptGet, ['-o', 'DPkg::Lock::Timeout=120', ...args], { env })
  let isUpdated = false

  const update = async () => {
    say('apt-get update')
    isUpdated = true
    const { code, output } = await apt('update')
    if (code !== 0) throw new Stop(`apt-get update failed:\n${output.trim()}`)
  }
  const simulate = async (names) => {
    const result = await apt('install', '--simulate', '--no-install-recommends', ...names)
    return result.code === 0 ? (result.output.match(/^Inst \S+/gm)?.map((line) => line.slice(5)) ?? []) : null
  }

  return {
    async install(names) {
      let planned = await simulate(names)
      if (planned === null) {
        await update()
        planned = await simulate(names)
      }
      if (planned === null) throw new Stop(`apt-get does not know ${names.join(', ')}: add a source that has it`)
      // Written down first: an installation that is cut short is told by --clean too.
      state.addLines('installed-packages', planned)
      say(`apt-get install ${names.join(' ')}`)
      let result = await apt('install', '--yes', '--no-install-recommends', ...names)
      if (result.code !== 0 && !isUpdated) {
        await update() // the lists were old: what they name is gone from the mirror
        result = await apt('install', '--yes', '--no-install-recommends', ...names)
      }
      if (result.code !== 0) throw new Stop(`apt-get install ${names.join(' ')} failed:\n${result.output.trim()}`)
      for (const name of planned) await stopService(machine, ownServices[name])
    }
  }
}

/** Only of a package that was installed a moment ago: a server that ran before is not touched. */
async function stopService(machine, service) {
  if (service === undefined) return
  if (existsSync('/run/systemd/system')) {
    await machine.run('systemctl', ['disable', '--now', service])
  } else if (existsSync(`/etc/init.d/${service}`)) {
    await machine.run(`/etc/init.d/${service}`, ['stop'])
  }
}
