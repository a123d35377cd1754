import { availableParallelism } from 'node:os'
import { Failure } from '@slipway/domain'
import type { Engine } from './engine.ts'

/** What functions may ask of the machine that they run on. */
export interface HostFacts {
  cpus: number
  os: string
  /** In OCI's words: `amd64`, `arm64`. */
  architecture: string
  name: string
  labels: Readonly<Record<string, string>>
}

const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' }

export async function readHostFacts(engine: Engine, signal: AbortSignal): Promise<HostFacts> {
  const info: unknown = await engine.call('ask the engine about its host', signal, (docker) => docker.info())
  const fields: Record<string, unknown> = typeof info === 'object' && info !== null ? { ...info } : {}
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '')
  const labelLines = Array.isArray(fields.Labels) ? fields.Labels.map(String) : []
  return {
    cpus: typeof fields.NCPU === 'number' ? fields.NCPU : availableParallelism(),
    os: text('OSType'),
    architecture: architectures[text('Architecture')] ?? text('Architecture'),
    name: text('Name'),
    labels: Object.fromEntries(labelLines.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]))
  }
}

/**
 * Placement constraints in Swarm's words (`node.platform.os == linux`, `node.labels.disk != hdd`) and Kubernetes' labels
 * (`kubernetes.io/arch=amd64`). One machine either fits or does not.
 *
 * @throws Failure `unsupported` naming the first one that cannot hold here.
 */
export function assertConstraints(constraints: readonly string[], host: HostFacts): void {
  for (const constraint of constraints) {
    const match = /^\s*([^\s=!]+)\s*(==|!=|=)\s*(.*?)\s*$/.exec(constraint)
    const [, key = '', operator = '', wanted = ''] = match ?? []
    const actual = match === null ? undefined : factOf(key, host)
    if (actual === undefined) {
      throw new Failure(
        'unsupported',
        `the constraint ${JSON.stringify(constraint)} is not known to the docker cluster`
      )
    }
    if ((actual === wanted) === (operator === '!=')) {
      throw new Failure(
        'unsupported',
        `the constraint ${JSON.stringify(constraint)} does not hold on this machine, where it is ${JSON.stringify(actual)}`
      )
    }
  }
}

/** undefined for a key that means nothing here. A label that the host does not have is the empty string. */
function factOf(key: string, host: HostFacts): string | undefined {
  const label = /^(?:node|engine)\.labels\.(.+)$/.exec(key)?.[1]
  if (label !== undefined) return host.labels[label] ?? ''
  switch (key) {
    case 'node.platform.os':
    case 'kubernetes.io/os':
      return host.os
    case 'node.platform.arch':
    case 'kubernetes.io/arch':
      return host.architecture
    case 'node.hostname':
    case 'kubernetes.io/hostname':
      return host.name
    default:
      return undefined
  }
}
