import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createStatusApi } from '@slipway/client'
import type { Installation, InstallationOptions } from '@slipway/demo'
import { freePort, waitFor } from '@slipway/machine'
import { createStore } from '@slipway/store'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

async function docker(...args: string[]): Promise<string> {
  // The classic builder is in every engine; a command line without buildx has no other.
  const env = { ...process.env, DOCKER_BUILDKIT: '0' }
  return (await run('docker', args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 })).stdout.trim()
}

/** Builds the image of this tree, with npm's registry as this machine has it. */
export async function buildServicesImage(reference: string): Promise<void> {
  const base = process.env.BASE_SERVICES
  if (base === undefined) throw new Error('BASE_SERVICES is not set: start with "npm run test:ship"')
  const { stdout: registry } = await run('npm', ['config', 'get', 'registry'], { cwd: root })
  const given = { BASE: base, NPM_REGISTRY: registry.trim() }
  const args = Object.entries(given).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  await docker('build', '--network', 'host', ...args, '--file', 'infra/Dockerfile', '--tag', reference, '.')
}

export async function imageBytes(reference: string): Promise<number> {
  return Number(await docker('image', 'inspect', '--format', '{{.Size}}', reference))
}

export async function removeImage(reference: string): Promise<void> {
  await docker('image', 'rm', reference)
}

export interface ShippedInstallation extends Installation {
  /** As the engine says: `healthy`. */
  health(service: string): Promise<string>
  logs(service: string): Promise<string>
}

/** What only root of the machine may: the firewall, and functions' secrets under a path of the host. */
const asRoot = [
  '--user=0:0',
  ...['NET_ADMIN', 'NET_RAW', 'DAC_OVERRIDE', 'CHOWN', 'FOWNER'].map((cap) => `--cap-add=${cap}`)
]
const socket = '/var/run/docker.sock'

/** Every service in a container of the image, as infra/compose.yaml starts them: read-only, without capabilities, secrets from files. */
export function shipped(image: string) {
  return async function start({ home, env }: InstallationOptions): Promise<ShippedInstallation> {
    const name = `slipway-ship-${randomBytes(4).toString('hex')}`
    const services = ['deployer', 'receiver', 'api', 'gateway', 'builder'] as const
    const ports = Object.fromEntries(
      await Promise.all([...services, 'internal'].map(async (service) => [service, String(await freePort())] as const))
    )
    const urlOf = (service: string) => `http://127.0.0.1:${ports[service]}`
    const token = `slw_${randomBytes(32).toString('hex')}`
    const files = join(home, 'given')
    const uploads = join(home, 'uploads')
    await mkdir(files, { recursive: true })
    await mkdir(uploads, { recursive: true, mode: 0o777 })
    const newKeys = () => `first:${randomBytes(32).toString('base64')}`
    const secrets: Record<string, string> = {
      ADMIN_TOKEN: token,
      ENCRYPTION_KEYS: newKeys(),
      WEBHOOK_KEYS: newKeys(),
      SIGN_IN_KEYS: newKeys(),
      ACCOUNT_KEYS: newKeys(),
      DATABASE_URL: env.DATABASE_URL ?? ''
    }
    for (const [key, value] of Object.entries(secrets)) await writeFile(join(files, key), `${value}\n`, { mode: 0o444 })

    const settings = {
      // What this machine's programs are set to is not the containers'.
      ...Object.fromEntries(Object.entries(env).filter(([key]) => !(key in process.env) && !(key in secrets))),
      ...Object.fromEntries(['BASE_NODE', 'BASE_PYTHON'].map((key) => [key, env[key]])),
      ...Object.fromEntries(Object.keys(secrets).map((key) => [`${key}_FILE`, `/given/${key}`])),
      PUBLIC_URL: urlOf('api'),
      GATEWAY_PUBLIC_URL: urlOf('gateway'),
      DEPLOYER_URL: urlOf('internal')
    }
    const portOf: Record<string, Record<string, string | undefined>> = {
      deployer: { HEALTH_PORT: ports.deployer, INTERNAL_PORT: ports.internal },
      builder: { HEALTH_PORT: ports.builder, FIREWALL: 'off' },
      receiver: { RECEIVER_PORT: ports.receiver },
      api: { API_PORT: ports.api },
      gateway: { GATEWAY_PORT: ports.gateway }
    }
    const group = (await run('stat', ['-c', '%g', socket])).stdout.trim()
    const secretsDirectory = env.SECRETS_DIRECTORY ?? join(home, 'secrets')
    await mkdir(secretsDirectory, { recursive: true })
    const more: Record<string, string[]> = {
      deployer: [...asRoot, `--volume=${socket}:${socket}`, `--volume=${secretsDirectory}:${secretsDirectory}`],
      builder: [`--group-add=${group}`, `--volume=${socket}:${socket}`, `--volume=${uploads}:/var/lib/slipway/uploads`],
      api: [`--volume=${uploads}:/var/lib/slipway/uploads`]
    }
    const begin = (service: string) =>
      docker(
        'run',
        '--detach',
        `--name=${name}-${service}`,
        `--label=com.slipway.ship-test=${name}`,
        '--network=host',
        '--init',
        '--read-only',
        '--tmpfs=/tmp',
        '--cap-drop=ALL',
        '--security-opt=no-new-privileges',
        '--health-interval=3s',
        `--volume=${files}:/given:ro`,
        ...(more[service] ?? []),
        ...Object.entries({ ...settings, ...portOf[service] }).flatMap(([key, value]) =>
          value === undefined ? [] : ['--env', `${key}=${value}`]
        ),
        image,
        `services/${service}/src/main.ts`
      )
    const health = (service: string) =>
      docker('inspect', '--format', '{{.State.Status}} {{.State.Health.Status}}', `${name}-${service}`)
    const logs = async (service: string) => {
      const { stdout, stderr } = await run('docker', ['logs', '--tail=40', `${name}-${service}`])
      return `${service}:\n${stdout}${stderr}`
    }
    const isHealthy = async (service: string) => (await health(service)) === 'running healthy'
    const remove = async (stopSeconds: number) => {
      const ids = await docker('ps', '--all', '--quiet', `--filter=label=com.slipway.ship-test=${name}`)
      if (ids === '') return
      await docker('stop', `--time=${stopSeconds}`, ...ids.split('\n'))
      await docker('rm', '--force', '--volumes', ...ids.split('\n'))
    }
    try {
      await begin('deployer')
      await waitFor(() => isHealthy('deployer'), { timeoutMs: 180_000, what: 'the deployer to be healthy' })
      await Promise.all(services.slice(1).map(begin))
      await waitFor(async () => (await Promise.all(services.map(isHealthy))).every(Boolean), {
        timeoutMs: 180_000,
        what: 'the services to be healthy'
      })
    } catch (err) {
      const said = (await Promise.allSettled(services.map(logs))).map((each) =>
        each.status === 'fulfilled' ? each.value : ''
      )
      await remove(0)
      throw new Error(said.join('\n'), { cause: err })
    }
    return {
      endpoints: {
        installation: await installationIn(secrets.DATABASE_URL ?? ''),
        api: urlOf('api'),
        gateway: urlOf('gateway'),
        receiver: urlOf('receiver')
      },
      api: createStatusApi({ url: urlOf('api'), token }),
      pid: 0,
      logFile: '',
      health,
      logs,
      stop: () => remove(40),
      kill: () => remove(0)
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
