import { createDockerCluster, secretsDirectoryOf } from '@slipway/cluster'
import { connectDocker, findProgram } from '@slipway/machine'
import { homePaths, type Logger } from '@slipway/service'

export interface Finding {
  name: string
  isOk: boolean
  detail: string
}

/** What this machine has, what is missing, and how to get it. */
export async function doctor(env: Record<string, string | undefined>, logger: Logger): Promise<Finding[]> {
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
  findings.push(forge(env))
  findings.push(...(await engine(env, logger)))
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

function forge(env: Record<string, string | undefined>): Finding {
  const github =
    env.GITHUB_WEBHOOK_SECRET !== undefined && env.GITHUB_APP_ID !== undefined && env.GITHUB_PRIVATE_KEY !== undefined
  const gitlab =
    (env.GITLAB_WEBHOOK_SIGNING_TOKEN ?? env.GITLAB_WEBHOOK_TOKEN) !== undefined && env.GITLAB_TOKEN !== undefined
  const found = [github ? 'GitHub' : '', gitlab ? 'GitLab' : ''].filter(Boolean)
  const hint =
    'none configured: set GITHUB_APP_ID, GITHUB_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET, or GITLAB_TOKEN and GITLAB_WEBHOOK_SIGNING_TOKEN'
  return { name: 'forge', isOk: found.length > 0, detail: found.length > 0 ? found.join(', ') : hint }
}

async function engine(env: Record<string, string | undefined>, logger: Logger): Promise<Finding[]> {
  try {
    await connectDocker(env.DOCKER_HOST === undefined ? {} : { dockerHost: env.DOCKER_HOST })
  } catch (err) {
    return [{ name: 'Docker', isOk: false, detail: err instanceof Error ? err.message : String(err) }]
  }
  const cluster = createDockerCluster({
    docker: {},
    gatewayPort: null,
    registryAuth: {},
    resolvers: [],
    installation: 'doctor',
    secrets: {
      directory: await secretsDirectoryOf('doctor', ['/run'], homePaths(env.SLIPWAY_HOME ?? '.slipway').secretFiles),
      filesOf: () => Promise.resolve(new Map())
    },
    networkPool: '10.201.0.0/16',
    subnetPrefix: 26,
    firewall: 'on',
    readyNetworks: 0,
    readyTimeoutMs: 10_000,
    logger,
    now: Date.now
  })
  try {
    return await cluster.check(AbortSignal.timeout(30_000))
  } finally {
    await cluster.close()
  }
}
