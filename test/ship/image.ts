import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Docker's command line, in this tree. */
export async function docker(...args: string[]): Promise<string> {
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

/** In seconds. */
export async function healthCheckOf(reference: string) {
  const format = '{{json .Config.Healthcheck}}'
  const check = JSON.parse(await docker('image', 'inspect', '--format', format, reference)) as Record<
    'Interval' | 'Timeout' | 'StartPeriod' | 'Retries',
    number
  >
  const [interval, timeout, startPeriod] = [check.Interval / 1e9, check.Timeout / 1e9, check.StartPeriod / 1e9]
  return { interval, timeout, startPeriod, retries: check.Retries }
}

export async function removeImage(reference: string): Promise<void> {
  await docker('image', 'rm', reference)
}
