import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWorkingCopy, type Installation, startInstallation, type WorkingCopy } from '@slipway/demo'
import { createLocalForge, type GitHubLocalForge, type LocalRepository } from '@slipway/local-forge'
import { startRegistry, waitFor } from '@slipway/machine'
import { createClosers, createLogger } from '@slipway/service'
import Docker from 'dockerode'

/** One `slipway up` with the settings that it has by itself, a forge and a registry, in a directory of its own. */
export interface Scene {
  directory: string
  forge: GitHubLocalForge
  installation: Installation
  /** `host:port`, where both sides push their images. */
  registry: string
  baseImage: string
  /** @param isInstalled whether pushes to it reach Slipway */
  repository(
    owner: string,
    isInstalled: boolean
  ): Promise<{ hosted: LocalRepository; workingCopy: WorkingCopy; cloneUrl: string }>
  /** Until the installation's containers have stayed what they are for a second: nothing is made or taken away in the background. */
  untilEngineRests(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const secret = 'the benchmark has a secret'

export async function createScene(): Promise<Scene> {
  const logger = createLogger('bench', 'error')
  const closers = createClosers(logger)
  try {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-'))
    closers.add('directory', () => rm(directory, { recursive: true, force: true }))
    const forge = await createLocalForge({ kind: 'github', root: join(directory, 'forge'), logger, developer: 'dev' })
    closers.add('forge', () => forge.close())
    const registry = await startRegistry({ directory: join(directory, 'registry') })
    closers.add('registry', () => registry.stop())
    const installation = await startInstallation({
      home: join(directory, 'home'),
      env: {
        ...process.env,
        GITHUB_URL: forge.url,
        GITHUB_API_URL: forge.apiUrl,
        GITHUB_APP_ID: String(forge.app.id),
        GITHUB_PRIVATE_KEY: forge.app.privateKey,
        GITHUB_WEBHOOK_SECRET: secret,
        REGISTRY: registry.host,
        // Redis and the store as `slipway up` has them by itself.
        REDIS_URL: undefined,
        DATABASE_URL: undefined
      }
    })
    closers.add('objects', () => removeObjects(installation.endpoints.installation))
    closers.add('installation', () => installation.stop())
    forge.setWebhook({ url: `${installation.endpoints.receiver}/webhooks/github`, secret })
    return {
      directory,
      forge,
      installation,
      registry: registry.host,
      baseImage: process.env.BASE_NODE ?? 'docker.io/library/node:24-bookworm-slim',
      async repository(owner, isInstalled) {
        const hosted = await forge.createRepository({ owner, name: 'hello', isPrivate: false, isInstalled })
        const workingCopy = await createWorkingCopy(join(directory, `copy-${owner}`), hosted.cloneUrl)
        return { hosted, workingCopy, cloneUrl: hosted.cloneUrl }
      },
      untilEngineRests: (signal) => untilSame(installation.endpoints.installation, signal),
      close: () => closers.close()
    }
  } catch (err) {
    await closers.close()
    throw err
  }
}

async function untilSame(installation: string, signal: AbortSignal): Promise<void> {
  const docker = new Docker()
  const filters = { label: [`com.slipway.installation=${installation}`] }
  let before = ''
  let since = performance.now()
  await waitFor(
    async () => {
      const containers = await docker.listContainers({ all: true, filters })
      const now = containers.map(({ Id, State }) => `${Id} ${State}`).join()
      if (now !== before) since = performance.now()
      before = now
      return performance.now() - since >= 1000
    },
    { timeoutMs: 60_000, everyMs: 100, what: 'the engine to rest', signal }
  )
}

/** Takes away what the installation left in the engine: containers, networks and images that carry its id. */
async function removeObjects(installation: string): Promise<void> {
  const docker = new Docker()
  const filters = { label: [`com.slipway.installation=${installation}`] }
  const removeAll = async () => {
    const containers = await docker.listContainers({ all: true, filters })
    await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true })))
    const networks = await docker.listNetworks({ filters })
    await Promise.all(networks.map(({ Id }) => docker.getNetwork(Id).remove()))
    for (const { Id } of await docker.listImages({ filters })) await docker.getImage(Id).remove({ force: true })
    return true
  }
  // What the engine was still busy with comes a little later.
  await waitFor(() => removeAll().catch(() => false), {
    timeoutMs: 30_000,
    everyMs: 500,
    what: 'the engine to be tidy'
  })
}

/** A handler for the `node` template that says one thing, and the word that its environment has, if any. */
export function handlerSaying(words: string): string {
  const text = JSON.stringify(words)
  return `module.exports = async (event, context) => context.status(200).succeed(${text} + (process.env.WORD ?? ''))\n`
}

export function stackSaying(word: string): string {
  return [
    'version: 1.0',
    'provider:',
    '  name: openfaas',
    'functions:',
    '  hello:',
    '    lang: node',
    '    handler: ./hello',
    '    environment:',
    `      WORD: ${JSON.stringify(word)}`,
    ''
  ].join('\n')
}
