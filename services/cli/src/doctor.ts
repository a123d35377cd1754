import { BuilderConfig } from '@slipway/builder'
import { checkBuilds, uncheckedBuilds } from '@slipway/builder/check-builds'
import { ClusterConfig, createCluster } from '@slipway/deployer/cluster'
import { Failure, type ForgeApp } from '@slipway/domain'
import { connectDocker, findProgram } from '@slipway/machine'
import { type Logger, loadConfig, moveByHand, movesConnections, storeConfig } from '@slipway/service'
import { connectedForges } from '@slipway/store'

type Env = Record<string, string | undefined>

export interface DoctorOptions {
  /** Small builds are run to find out what holds of them. */
  probe: boolean
  /** The forges of the installation that runs here, which may have been given them otherwise than by settings; none where none runs. */
  running?: () => Promise<string[]>
}

const checkLimitMs = 30_000

export interface Finding {
  name: string
  isOk: boolean
  detail: string
}

/** What this machine has, what is missing, and how to get it. */
export async function doctor(env: Env, logger: Logger, options: DoctorOptions): Promise<Finding[]> {
  const findings: Finding[] = [node()]
  findings.push(await program('git', ['git'], 'apt-get install git'))
  findings.push(
    env.REDIS_URL === undefined
      ? await program('Redis', ['redis-server', 'valkey-server'], 'apt-get install redis-server, or set REDIS_URL')
      : { name: 'Redis', isOk: true, detail: 'configured by REDIS_URL' }
  )
  findings.push(
    env.REGISTRY === undefined
      ? await program('registry', ['docker-registry', 'registry'], 'apt-get install docker-registry, or set REGISTRY')
      : { name: 'registry', isOk: true, detail: `configured: ${env.REGISTRY}` }
  )
  findings.push(...(await sharedPorts(env)))
  findings.push(await forge(env, options.running))
  findings.push(...(await running(env, logger, options)))
  return findings
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOk = major > 24 || (major === 24 && minor >= 18)
  return {
    name: 'Node',
    isOk,
    detail: isOk ? process.version : `${process.version}: 24.18 or newer is needed (npm install node@24)`
  }
}

async function program(name: string, names: string[], hint: string): Promise<Finding> {
  for (const one of names) {
    const path = await findProgram(one)
    if (path !== null) return { name, isOk: true, detail: path }
  }
  return { name, isOk: false, detail: `not found: ${hint}` }
}

/** Only where ports are shared. */
async function sharedPorts({ GATEWAY_REUSE_PORT: gateway, RECEIVER_REUSE_PORT: receiver }: Env): Promise<Finding[]> {
  if (gateway !== 'true' && receiver !== 'true') return []
  const details = {
    on: 'connections move from a listener that closes to another on its port',
    off: `a connection may be reset by a restart: ${moveByHand}, or run what listens as root`,
    unknown: 'a connection may be reset by a restart: Linux 5.14 or newer is needed'
  }
  const found = await movesConnections()
  return [{ name: 'shared ports', isOk: found === 'on', detail: details[found] }]
}

/** Those in the environment, and those that were connected and are in the store. */
async function forge(env: Env, running: DoctorOptions['running']): Promise<Finding> {
  const name = 'forge'
  const github =
    env.GITHUB_WEBHOOK_SECRET !== undefined && env.GITHUB_APP_ID !== undefined && env.GITHUB_PRIVATE_KEY !== undefined
  const gitlab =
    (env.GITLAB_WEBHOOK_SIGNING_TOKEN ?? env.GITLAB_WEBHOOK_TOKEN) !== undefined && env.GITLAB_TOKEN !== undefined
  const configured = [github ? 'GitHub' : '', gitlab ? 'GitLab' : ''].filter(Boolean)
  const { DATABASE_URL: url = '' } = env
  try {
    const home = { SLIPWAY_HOME: env.SLIPWAY_HOME ?? '.slipway' }
    const apps = await connectedForges(storeConfig(url === '' ? home : { ...home, DATABASE_URL: url }))
    const settled = [...configured, ...apps.map(connected)]
    const found = settled.length > 0 ? settled : ((await running?.()) ?? [])
    const hint =
      'none: "slipway connect github", or set GITHUB_APP_ID, GITHUB_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET, or GITLAB_TOKEN and GITLAB_WEBHOOK_SIGNING_TOKEN'
    return { name, isOk: found.length > 0, detail: found.length > 0 ? found.join(', ') : hint }
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    const detail = [...configured, `those that were connected could not be looked up: ${err.message}`].join(', ')
    return { name, isOk: configured.length > 0, detail }
  }
}

function connected({ forgeId, kind, slug, ownerLogin, baseUrl }: ForgeApp): string {
  const by = kind === 'github' ? `the App "${slug}" of ${ownerLogin}` : `a token of ${ownerLogin}`
  return `${forgeId} at ${baseUrl}, connected by ${by} ("slipway admin forges" says how it stands)`
}

/** Where functions run, and what builds on the engine. */
async function running(env: Env, logger: Logger, wish: DoctorOptions): Promise<Finding[]> {
  try {
    const config = loadConfig(ClusterConfig, { SLIPWAY_HOME: '.slipway', ...env, READY_NETWORKS: '0' })
    const builds = loadConfig(BuilderConfig, env)
    const engine = await findEngine(env)
    if ('detail' in engine) return [...(config.CLUSTER === 'docker' ? [] : await cluster(config, logger)), engine]
    const found = await cluster(config, logger)
    return [...found, ...(await checkedBuilds(builds, engine, logger, wish))]
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return [{ name: 'settings', isOk: false, detail: err.message }]
  }
}

async function findEngine({ DOCKER_HOST: dockerHost }: Env): Promise<{ isLocal: boolean } | Finding> {
  try {
    return await connectDocker(dockerHost === undefined ? {} : { dockerHost })
  } catch (err) {
    return { name: 'Docker', isOk: false, detail: err instanceof Error ? err.message : String(err) }
  }
}

async function cluster(config: ClusterConfig, logger: Logger): Promise<Finding[]> {
  const made = await createCluster(config, {
    installation: 'doctor',
    filesOf: () => Promise.resolve(new Map()),
    logger,
    now: Date.now
  })
  try {
    return await made.check(AbortSignal.timeout(checkLimitMs))
  } finally {
    await made.close()
  }
}

async function checkedBuilds(
  config: BuilderConfig,
  { isLocal }: { isLocal: boolean },
  logger: Logger,
  { probe }: DoctorOptions
): Promise<Finding[]> {
  if (!probe) return uncheckedBuilds('--no-probe')
  const deps = { installation: 'doctor', isLocal, logger, now: Date.now }
  return await checkBuilds(config, deps, AbortSignal.timeout(2 * checkLimitMs))
}
