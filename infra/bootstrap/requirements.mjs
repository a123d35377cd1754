import { ensureImage } from './base-images.mjs'
import { ensureCompose } from './compose.mjs'
import { ensureDocker } from './docker.mjs'
import { ensureHelm } from './helm.mjs'
import { ensureKubernetes } from './kubernetes.mjs'
import { findOpenFaasPrograms } from './openfaas.mjs'
import { Stop } from './processes.mjs'

/**
 * Programs that are started or called. `variable` names the setting that makes the program unnecessary, `image` what can stand in for it
 * in a container (packages/machine starts it), `package` what Debian and Ubuntu call it.
 */
const programs = {
  git: { names: ['git'], package: 'git' },
  iptables: { names: ['iptables'], package: 'iptables' },
  iproute2: { names: ['ip'], package: 'iproute2' },
  redis: {
    names: ['redis-server', 'valkey-server'],
    variable: 'REDIS_URL',
    image: 'docker.io/library/redis:7-alpine',
    package: 'redis-server'
  },
  registry: {
    names: ['docker-registry', 'registry'],
    variable: 'REGISTRY',
    image: 'docker.io/library/registry:2',
    package: 'docker-registry'
  },
  postgres: { names: ['initdb'], package: 'postgresql' },
  runc: { names: ['runc'], package: 'runc' },
  webhook: { names: ['webhook'], package: 'webhook' },
  nginx: { names: ['nginx'], package: 'nginx-light' },
  wrk: { names: ['wrk'], package: 'wrk' },
  chromium: { names: ['chromium', 'chromium-browser', 'google-chrome'], package: 'chromium' },
  tmux: { names: ['tmux'], package: 'tmux' },
  'docker-cli': { names: ['docker'], package: 'docker.io' }
}

/**
 * Makes the machine ready, in the order given. Of each thing it takes what is configured, else what is installed,
 * else an image where one can be pulled, else as root the operating system's package, else it names what to install and stops.
 *
 * @returns the environment variables that tell what was found to what is run
 */
export async function prepare(needs, context) {
  const found = {}
  for (const need of needs) {
    if (need === 'docker') Object.assign(found, await needDocker(context))
    else if (/^(base|image)-/.test(need)) Object.assign(found, await ensureImage(need.replace(/^\w+-/, ''), context))
    else if (need === 'kubernetes') Object.assign(found, await ensureKubernetes(context))
    else if (need === 'openfaas-programs') Object.assign(found, findOpenFaasPrograms(context))
    else if (need === 'compose') Object.assign(found, await ensureCompose(context))
    else if (need === 'helm') Object.assign(found, await ensureHelm(context))
    else await needProgram(need, context)
  }
  return found
}

async function needDocker(context) {
  context.engine = await ensureDocker(context)
  const { Version: version } = await context.engine.version()
  context.say(`Docker engine ${version} at ${context.engine.address}`)
  return context.engine.address === 'unix:///var/run/docker.sock' ? {} : { DOCKER_HOST: context.engine.address }
}

async function needProgram(need, { machine, apt, engine, say, isForTests }) {
  const { names, variable, image, package: packageName } = programs[need]
  if ((need === 'iptables' || need === 'iproute2') && !machine.isRoot) return // only root has a firewall to set up
  const configured = variable === undefined ? undefined : machine.env[variable]
  if (configured && !isForTests) {
    say(`${need} as configured by ${variable}`)
    return
  }
  const program = machine.find(names)
  if (program !== null) {
    say(`${need} is ${program}`)
    return
  }
  if (image !== undefined && engine !== undefined) {
    if (await engine.hasImage(image)) {
      say(`${need} from the image ${image}`)
      return
    }
    say(`${need} is not installed, pulling ${image}`)
    if (await engine.pull(image)) return
  }
  if (apt === null) {
    const orConfigure = variable === undefined ? '' : `, or set ${variable} to one that runs`
    throw new Stop(
      `${names.join(' or ')} is missing: install it (Debian and Ubuntu: apt-get install ${packageName})${orConfigure}`
    )
  }
  await apt.install([packageName])
  if (machine.find(names) === null) throw new Stop(`apt-get installed ${packageName}, but ${names[0]} is still missing`)
}
