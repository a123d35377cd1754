import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuildDetail, BuildView } from '@slipway/client'
import {
  createWorkingCopy,
  type Installation,
  type InstallationOptions,
  startInstallation,
  type WorkingCopy
} from '@slipway/demo'
import { Failure, isTerminal } from '@slipway/domain'
import {
  createLocalForge,
  type GitHubLocalForge,
  type GitLabLocalForge,
  type LocalRepository
} from '@slipway/local-forge'
import { keptPorts, type RunningRegistry, startRegistry, waitFor } from '@slipway/machine'
import { createLogger } from '@slipway/service'
import { lockDirectory } from '@slipway/service/directory-lock'
import Docker from 'dockerode'

const secret = 'the system tests have one'
const signingToken = `whsec_${Buffer.from('the system tests have one').toString('base64')}`

/** One installation with a forge of each kind, everything real, in a directory of its own. */
export interface Scene {
  directory: string
  github: GitHubLocalForge
  gitlab: GitLabLocalForge
  /** Where its images are. */
  registry: string
  installation: Installation
  /** Starts `slipway up` again, after a `stop` or a `kill`. */
  restart(env?: Record<string, string>): Promise<Installation>
  repository(options: {
    forge?: 'github' | 'gitlab'
    owner: string
    name?: string
    isPrivate?: boolean
  }): Promise<TestRepository>
  /** A build once it has ended; one that is live once the gateway serves it. */
  ended(buildId: string, timeoutMs?: number): Promise<BuildDetail>
  close(): Promise<void>
}

export interface TestRepository {
  hosted: LocalRepository
  workingCopy: WorkingCopy
  /** Commits and pushes; returns the commit. */
  push(files: Record<string, string | null>, options?: { message?: string; force?: boolean }): Promise<string>
  /** The newest build of a commit once it has ended. */
  ended(commit: string, timeoutMs?: number): Promise<BuildDetail>
  /** `context: state` of what stands on the commit, once everything there is final. */
  statuses(commit: string): Promise<Record<string, CommitReport>>
}

/** What stands on a commit, and where it leads. */
export interface CommitReport {
  state: string
  description: string
  text: string | null
  targetUrl: string | null
}

/**
 * Kept from one test file to the next, so that the base image is pushed once. Files that run at the same time take different ones:
 * what one removes the other may need.
 */
export async function sharedRegistry(): Promise<RunningRegistry> {
  for (let number = 1; ; number++) {
    const directory = join(tmpdir(), `slipway-test-registry-${process.getuid?.() ?? 0}-${number}`)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    try {
      return await lockedRegistry(directory)
    } catch (err) {
      const isTaken = err instanceof Failure && (err.code === 'conflict' || err.code === 'invalid-configuration')
      if (!isTaken || number === 20) throw err
    }
  }
}

/** @throws Failure `conflict`: another process has it; `invalid-configuration`: another program has its port */
async function lockedRegistry(directory: string): Promise<RunningRegistry> {
  const lock = await lockDirectory(directory)
  try {
    // Names of images contain the port.
    const { registry: port } = await keptPorts(join(directory, 'ports.json'), { registry: 0 })
    const registry = await startRegistry({ directory, port })
    return {
      ...registry,
      async stop() {
        await registry.stop()
        await lock.release()
      }
    }
  } catch (err) {
    await lock.release()
    throw err
  }
}

type Settings = Record<string, string>

/** @param more settings, which may depend on where the forges are. */
export async function createScene(
  more: Settings | ((forges: { github: string; gitlab: string }) => Settings) = {},
  launch: (options: InstallationOptions) => Promise<Installation> = startInstallation
): Promise<Scene> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-system-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const logger = createLogger('forge', 'error')
  const github = await createLocalForge({ kind: 'github', root: join(directory, 'github'), logger, developer: 'dev' })
  opened.defer(() => github.close())
  const gitlab = await createLocalForge({ kind: 'gitlab', root: join(directory, 'gitlab'), logger, developer: 'dev' })
  opened.defer(() => gitlab.close())
  const env = typeof more === 'function' ? more({ github: github.url, gitlab: gitlab.url }) : more
  const registry = env.REGISTRY === undefined ? await sharedRegistry() : null
  if (registry !== null) opened.defer(() => registry.stop())
  const settings: Settings = {
    ...Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
    ),
    GITHUB_URL: github.url,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_APP_ID: String(github.app.id),
    GITHUB_PRIVATE_KEY: github.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secret,
    GITHUB_CLIENT_ID: github.oauthClient.clientId,
    GITHUB_CLIENT_SECRET: github.oauthClient.clientSecret,
    GITLAB_URL: gitlab.url,
    GITLAB_API_URL: gitlab.apiUrl,
    GITLAB_TOKEN: gitlab.accessToken,
    GITLAB_WEBHOOK_SIGNING_TOKEN: signingToken,
    API_REQUESTS_PER_MINUTE: '1000000',
    DOCKERFILE_ALLOWED: 'true',
    BUILD_SLOTS_PER_OWNER: '2',
    READY_TIMEOUT_MS: '8000',
    LEASE_MS: '3000',
    STOP_GRACE_MS: '1000',
    SECRETS_DIRECTORY: join(directory, 'secrets'),
    ...(registry === null ? {} : { REGISTRY: registry.host }),
    ...env
  }
  const home = join(directory, 'home')
  // Held by this process, so that no other installation takes one while ours is being started again.
  await keptPorts(join(home, 'ports.json'), { gateway: 0, receiver: 0, api: 0, redis: 0, registry: 0 })
  const start = async (more: Record<string, string> = {}) => {
    const installation = await launch({ home, env: { ...settings, ...more } })
    github.setCallbackUrls([`${installation.endpoints.api}/auth/github/callback`])
    github.setWebhook({ url: `${installation.endpoints.receiver}/webhooks/github`, secret })
    gitlab.setWebhook({ url: `${installation.endpoints.receiver}/webhooks/gitlab`, signingToken })
    return installation
  }
  const scene: Scene = {
    directory,
    github,
    gitlab,
    registry: settings.REGISTRY ?? '',
    installation: await start(),
    async restart(more = {}) {
      scene.installation = await start(more)
      return scene.installation
    },
    repository: (options) => createRepository(scene, options),
    ended: (buildId, timeoutMs) => untilEnded(scene, buildId, timeoutMs),
    close: () => toClose.disposeAsync()
  }
  opened.defer(() => removeObjects(scene))
  opened.defer(() => scene.installation.stop())
  const toClose = opened.move()
  return scene
}

async function createRepository(
  scene: Scene,
  { forge: kind = 'github', owner, name = 'shop', isPrivate = false }: Parameters<Scene['repository']>[0]
): Promise<TestRepository> {
  const forge = scene[kind]
  const hosted = await forge.createRepository({ owner, name, isPrivate })
  const workingCopy = await createWorkingCopy(join(scene.directory, `copy-${randomUUID()}`), hosted.cloneUrl)
  // Where a worker saw the new head before its push was heard of, the push is skipped for what it found being built.
  const isRepeated = ({ status, reason }: BuildView) => status === 'skipped' && /was built already/.test(reason ?? '')
  const find = async (commit: string) =>
    (await scene.installation.api.listBuilds({ commit, limit: 10 })).items.find((build) => !isRepeated(build)) ?? null
  return {
    hosted,
    workingCopy,
    async push(files, { message = 'change', force = false } = {}) {
      const commit = await workingCopy.commit(files, message)
      await workingCopy.push({ force })
      return commit
    },
    async ended(commit, timeoutMs = patienceMs) {
      let newest: BuildView | null = null
      try {
        const build = await waitFor(
          async () => {
            newest = await find(commit)
            return newest !== null && isTerminal(newest.status) ? newest : null
          },
          { timeoutMs, what: `the build of ${commit} to end` }
        )
        return await untilEnded(scene, build.id)
      } catch (err) {
        const deliveries = forge.deliveries().filter(({ body }) => body?.includes(commit))
        const heard = deliveries.map((one) => `${one.event} ${one.responseStatus ?? one.error}`).join(', ') || 'nothing'
        throw new Error(`the newest build of ${commit} is ${told(newest)}; the forge told: ${heard}`, { cause: err })
      }
    },
    async statuses(commit) {
      const unfinished = new Set(['queued', 'in_progress', 'pending', 'running'])
      const reports = await waitFor(
        () => {
          const found = forge.statuses(hosted.id, commit)
          // That of the stack is told last.
          const isTold = found.some(({ context }) => context === 'slipway/stack')
          return isTold && found.every(({ state }) => !unfinished.has(state)) ? found : null
        },
        { timeoutMs: 60_000, what: `final statuses on ${commit}` }
      )
      return Object.fromEntries(
        reports.map(({ context, state, description, text, targetUrl }) => [
          context,
          { state, description, text, targetUrl }
        ])
      )
    }
  }
}

/** Takes away what the installation left in the engine: containers, networks and images that carry its id. */
async function removeObjects(scene: Scene): Promise<void> {
  const docker = new Docker()
  const filters = { label: [`com.slipway.installation=${scene.installation.endpoints.installation}`] }
  const removeAll = async () => {
    const containers = await docker.listContainers({ all: true, filters })
    await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true })))
    const networks = await docker.listNetworks({ filters })
    await Promise.all(networks.map(({ Id }) => docker.getNetwork(Id).remove()))
    const images = await docker.listImages({ filters })
    for (const { Id } of images) await docker.getImage(Id).remove({ force: true })
    return true
  }
  // What the engine was still busy with when its client went away comes a little later.
  await waitFor(() => removeAll().catch(() => false), {
    timeoutMs: 60_000,
    everyMs: 500,
    what: 'the engine to be tidy'
  })
}

export interface Answer {
  status: number
  body: string
  bytes: Buffer
  headers: Record<string, string | string[] | undefined>
}

/** For a machine that is a good deal slower and busier than one would wish. */
const patienceMs = 120_000

const told = (build: BuildView | null) =>
  build === null ? 'none' : `${build.status} (${build.reason ?? 'no reason'}, attempt ${build.attempt})`

async function untilEnded(scene: Scene, id: string, timeoutMs = patienceMs): Promise<BuildDetail> {
  let build: BuildDetail | null = null
  const ended = await waitFor(
    async () => {
      build = await scene.installation.api.getBuild({ id })
      return isTerminal(build.status) ? build : null
    },
    { timeoutMs, what: `the build ${id} to end` }
  ).catch((err) => {
    throw new Error(`the build ${id} is ${told(build)}`, { cause: err })
  })
  if (ended.status === 'live') await untilServed(scene, ended)
  return ended
}

/** A build is live when the store says so; the gateway hears of it a moment later. */
async function untilServed(scene: Scene, { owner, functions }: BuildDetail): Promise<void> {
  for (const { name, deploymentId } of functions) {
    if (owner === null || deploymentId === null) continue
    const isServed = async () => (await call(scene, '/metrics')).body.includes(`deployment="${deploymentId}"`)
    const isLive = async () =>
      (await scene.installation.api.listDeployments({ owner, name })).items.some(
        ({ id, status }) => id === deploymentId && status === 'live'
      )
    await waitFor(async () => (await isServed()) || !(await isLive()), {
      timeoutMs: 30_000,
      what: `the gateway to serve ${name}`
    })
  }
}

/** Asks the gateway; with a `Host` of one's own, which `fetch` does not allow. */
export function call(
  scene: Scene,
  path: string,
  options: { host?: string; method?: string; body?: string | Buffer; headers?: Record<string, string> } = {}
): Promise<Answer> {
  const { hostname, port } = new URL(scene.installation.endpoints.gateway)
  const { host, method = 'GET', body, headers = {} } = options
  return new Promise((resolve, reject) => {
    const req = request(
      { hostname, port, path, method, headers: { ...headers, ...(host === undefined ? {} : { host }) } },
      (res) => {
        const parts: Buffer[] = []
        res.on('data', (part: Buffer) => parts.push(part))
        res.on('end', () => {
          const bytes = Buffer.concat(parts)
          resolve({ status: res.statusCode ?? 0, body: bytes.toString(), bytes, headers: res.headers })
        })
        res.on('error', reject)
      }
    )
    req.on('error', reject)
    req.end(body)
  })
}

/** Calls again and again until stopped; tells what was not answered with 200. */
export function callAllTheTime(scene: Scene, path: string): { stop(): Promise<{ calls: number; failed: string[] }> } {
  const failed: string[] = []
  let calls = 0
  let isStopped = false
  const caller = async () => {
    while (!isStopped) {
      calls += 1
      try {
        const { status, body } = await call(scene, path)
        if (status !== 200) failed.push(`${status} ${body}`)
      } catch (err) {
        failed.push(String(err))
      }
    }
  }
  const callers = Promise.all(Array.from({ length: 4 }, caller))
  return {
    async stop() {
      isStopped = true
      await callers
      return { calls, failed }
    }
  }
}

/** A `stack.yml` of functions, each with its own lines besides `lang` and `handler`. */
export function stackOf(functions: Record<string, { lang?: string; handler?: string; more?: string[] }>): string {
  const entries = Object.entries(functions).flatMap(([name, { lang = 'node', handler = `./${name}`, more = [] }]) => [
    `  ${name}:`,
    `    lang: ${lang}`,
    `    handler: ${handler}`,
    ...more.map((line) => `    ${line}`)
  ])
  return ['version: 1.0', 'provider:', '  name: openfaas', 'functions:', ...entries, ''].join('\n')
}

/** A handler for the `node` template that says one thing. */
export function saying(words: string): string {
  return `module.exports = async (event, context) => context.status(200).succeed(${JSON.stringify(words)})\n`
}

/** Asks what it is told to, from inside, and says what came of it. */
export const asking = `module.exports = async (event, context) => {
  try {
    const answer = await fetch(event.query.url, { signal: AbortSignal.timeout(2000) })
    return context.status(200).succeed(answer.status + ' ' + (await answer.text()))
  } catch {
    return context.status(200).succeed('no answer')
  }
}
`
