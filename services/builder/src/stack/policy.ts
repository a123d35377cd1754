import type { LimitName, OwnerLimits, Resources, SourceLocation } from '@slipway/domain'
import { failureAt, quote } from './location.ts'
import type { Reader } from './reader.ts'

/** What an owner's stack may ask for, and what a function gets that asks for nothing. */
export interface StackPolicy {
  /** How many functions one stack may have. */
  functionLimit: number
  defaults: Resources & { replicas: { min: number; max: number } }
  maximum: Resources & { replicas: number }
  /** A function may not switch its read-only root file system off. */
  isReadonlyRootRequired: boolean
  /** `lang: dockerfile` may be used. */
  isDockerfileAllowed: boolean
  /** A function may not be due more often than that by itself. */
  scheduleMinPeriodMs: number
  /** Labels and annotations that reach the cluster; `*` at the end stands for anything. Others are dropped with a warning. */
  labels: readonly string[]
  /** What is dropped of labels and annotations is kept as notes, which nothing acts on and no cluster gets. */
  areLabelsNoted: boolean
  /** Build arguments that reach the build, likewise. */
  buildArguments: readonly string[]
}

export const defaultLabels = [
  'topic',
  'schedule',
  'schedule.*',
  'com.openfaas.health.*',
  'com.openfaas.ready.*',
  'com.openfaas.scale.*',
  'com.openfaas.retry.*'
] as const

/** What the official templates take. Proxies, frontends and base images are the platform's business. */
export const defaultBuildArguments = [
  'ADDITIONAL_PACKAGE',
  'CGO_ENABLED',
  'GO111MODULE',
  'GOFLAGS',
  'GO_VERSION',
  'NODE_VERSION',
  'PYTHON_VERSION',
  'TEST_COMMAND',
  'TEST_ENABLED',
  'UPGRADE_PACKAGES'
] as const

const mebibyte = 1024 ** 2

export const defaultPolicy: StackPolicy = {
  functionLimit: 100,
  defaults: { memoryBytes: 128 * mebibyte, cpuMillis: 500, replicas: { min: 1, max: 4 } },
  maximum: { memoryBytes: 1024 * mebibyte, cpuMillis: 2000, replicas: 10 },
  isReadonlyRootRequired: false,
  isDockerfileAllowed: false,
  scheduleMinPeriodMs: 60_000,
  labels: defaultLabels,
  areLabelsNoted: false,
  buildArguments: defaultBuildArguments
}

/** The same for an owner, whose functions may have that much each. */
export function policyFor(policy: StackPolicy, limits: OwnerLimits): StackPolicy {
  const most = (name: LimitName) => limits[name] ?? Number.MAX_SAFE_INTEGER
  const memoryMb = limits['memory-mb-per-function']
  const maximum = {
    memoryBytes: memoryMb === null ? Number.MAX_SAFE_INTEGER : memoryMb * mebibyte,
    cpuMillis: most('cpu-millis-per-function'),
    replicas: most('replicas-per-function')
  }
  return { ...policy, maximum }
}

export function isAllowed(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern))
}

/** What OpenFaaS Cloud's tools read off functions: only the platform may say it, to whomever. */
const cloudPrefix = 'com.openfaas.cloud.'

/** Written by the platform alone: who could write them could pass a function off as another owner's. */
const platformPrefixes = [cloudPrefix, 'com.slipway.', 'app.kubernetes.io/', 'kubernetes.io/']

/**
 * Whether the label may stay, is noted, or is dropped (and the reader was told).
 *
 * @throws Failure `invalid-stack` for the platform's own, where nothing is noted
 */
export function admitLabel(
  key: string,
  at: SourceLocation,
  field: string,
  policy: StackPolicy,
  reader: Reader
): 'stays' | 'noted' | 'dropped' {
  if (key === '' || key.length > 253) throw failureAt('invalid-stack', at, `${field}: a name has 1 to 253 characters`)
  const reserved = platformPrefixes.find((prefix) => key.toLowerCase().startsWith(prefix))
  if (reserved !== undefined && !policy.areLabelsNoted) {
    throw failureAt('invalid-stack', at, `${field}: ${quote(key)} is written by the platform: remove it`)
  }
  if (reserved === undefined && isAllowed(key, policy.labels)) return 'stays'
  if (policy.areLabelsNoted && reserved !== cloudPrefix) return 'noted'
  const why = reserved === undefined ? `allowed are ${policy.labels.join(', ')}` : 'the platform writes its own'
  reader.warn(at, `${field} is dropped: ${why}`)
  return 'dropped'
}
