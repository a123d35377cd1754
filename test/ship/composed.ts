import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createStatusApi } from '@slipway/client'
import type { Installation, InstallationOptions } from '@slipway/demo'
import { freePort } from '@slipway/machine'
import { createStore } from '@slipway/store'
import { docker, root } from './image.ts'

const run = promisify(execFile)

/** By the variables that infra/compose.yaml names. */
const portNames = [
  'REDIS_PORT',
  'POSTGRESQL_PORT',
  'REGISTRY_PORT',
  'INTERNAL_PORT',
  'DEPLOYER_HEALTH_PORT',
  'BUILDER_HEALTH_PORT',
  'API_PORT',
  'RECEIVER_PORT',
  'GATEWAY_PORT'
] as const

export interface Composed {
  /** Where its images are. */
  registry: string
  start(options: InstallationOptions): Promise<Installation>
  /** The administrator's. */
  token(): Promise<string>
  /** `name state health` of every container, by name. */
  containers(): Promise<string[]>
  logs(service: string): Promise<string>
  /** Everything in the engine that is the project's. */
  objects(): Promise<string[]>
}

/** An installation that infra/compose.yaml starts, of an image, as docs/install-docker.md says; on ports and under a name of its own. */
export async function createComposed(image: string, directory: string): Promise<Composed> {
  const program = process.env.SLIPWAY_TEST_COMPOSE
  if (program === undefined) throw new Error('SLIPWAY_TEST_COMPOSE is not set: start with "npm run test:ship"')
  const project = `slipway-ship-${randomBytes(4).toString('hex')}`
  const ports = Object.fromEntries(
    await Promise.all(portNames.map(async (name) => [name, String(await freePort())] as const))
  ) as Record<(typeof portNames)[number], string>
  const urlOf = (name: (typeof portNames)[number]) => `http://127.0.0.1:${ports[name]}`
  const infra = join(directory, 'infra')
  await mkdir(infra, { recursive: true })
  for (const name of ['compose.yaml', 'compose-secrets.sh'])
    await copyFile(join(root, 'infra', name), join(infra, name))
  const { stdout: group } = await run('stat', ['--format=%g', '/var/run/docker.sock'])
  const env = {
    ...process.env,
    ...ports,
    SLIPWAY_IMAGE: image,
    DOCKER_GID: group.trim(),
    SECRETS_DIRECTORY: join(directory, 'functions-secrets')
  }
  const compose = async (...args: string[]) => {
    const all = ['--project-name', project, '--file', join(infra, 'compose.yaml'), ...args]
    const { stdout, stderr } = await run(program, all, { env, maxBuffer: 64 * 1024 * 1024 })
    return `${stdout}${stderr}`.trim()
  }
  const secret = async (name: string) => (await readFile(join(infra, 'secrets', name), 'utf8')).trim()
  const down = (...args: string[]) => compose('down', '--volumes', ...args)
  return {
    registry: `127.0.0.1:${ports.REGISTRY_PORT}`,
    async start({ env: given }) {
      // What this machine's programs are set to is not the containers'.
      const settings = Object.entries(given).filter(([name]) => !(name in process.env) || name.startsWith('BASE_'))
      const lines = settings.flatMap(([name, value]) => (value === undefined ? [] : [`${name}='${value}'`]))
      await writeFile(join(infra, 'slipway.env'), `${lines.join('\n')}\n`, { mode: 0o600 })
      await run('sh', [join(infra, 'compose-secrets.sh')], { env })
      await compose('up', '--detach', '--no-build', '--wait', '--wait-timeout', '200').catch(async (err: unknown) => {
        const said = await compose('logs', '--tail', '20')
        await down('--timeout', '0')
        throw new Error(said, { cause: err })
      })
      return {
        endpoints: {
          installation: await installationIn(await secret('database-url')),
          api: urlOf('API_PORT'),
          gateway: urlOf('GATEWAY_PORT'),
          receiver: urlOf('RECEIVER_PORT')
        },
        api: createStatusApi({ url: urlOf('API_PORT'), token: await secret('admin-token') }),
        pid: 0,
        logFile: '',
        stop: async () => void (await down()),
        kill: async () => void (await down('--timeout', '0'))
      }
    },
    token: () => secret('admin-token'),
    async containers() {
      const ids = (await compose('ps', '--all', '--quiet')).split('\n')
      const format =
        '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}}{{with .State.Health}} {{.Status}}{{end}}'
      return (await docker('inspect', '--format', format, ...ids)).split('\n').toSorted()
    },
    logs: (service) => compose('logs', '--tail', '40', service),
    async objects() {
      const own = ['--quiet', '--filter', `label=com.docker.compose.project=${project}`]
      const found = [
        await docker('ps', '--all', ...own),
        await docker('volume', 'ls', ...own),
        await docker('network', 'ls', ...own)
      ]
      return found.flatMap((ids) => (ids === '' ? [] : ids.split('\n')))
    }
  }
}

/** The id that everything of it in the engine carries. */
async function installationIn(url: string): Promise<string> {
  const store = await createStore({ url, file: '' })
  try {
    const id = await store.settings.get('installation')
    if (id === null) throw new Error('the deployer did not set the installation up')
    return id
  } finally {
    await store.close()
  }
}
