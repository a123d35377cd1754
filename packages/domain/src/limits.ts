import { Failure } from './failure.ts'
import { scheduleOf } from './schedule.ts'
import type { FunctionSpec, Resources } from './stack.ts'

/**
 * What an owner may have, each with the words that a refusal uses. The keys are what people write, too.
 * `per`: for one function, or (`owner`) for all of its functions together. `least`: what can be set.
 */
export const limitKinds = {
  functions: { per: 'owner', least: 0, what: 'functions', unit: '' },
  replicas: { per: 'owner', least: 0, what: 'replicas of all functions together', unit: '' },
  'replicas-per-function': { per: 'function', least: 1, what: 'replicas of one function', unit: '' },
  'memory-mb': { per: 'owner', least: 0, what: 'memory of all replicas together', unit: 'MiB' },
  'memory-mb-per-function': { per: 'function', least: 1, what: 'memory of one replica', unit: 'MiB' },
  'cpu-millis': { per: 'owner', least: 0, what: 'processor of all replicas together', unit: 'm' },
  'cpu-millis-per-function': { per: 'function', least: 1, what: 'processor of one replica', unit: 'm' },
  /** Others wait for their turn. */
  builds: { per: 'owner', least: 1, what: 'builds at a time', unit: '' },
  /** A layer that several images have counts once. */
  'storage-mb': { per: 'owner', least: 0, what: 'images in the registry', unit: 'MiB' },
  /** Cron expressions of all functions. */
  schedules: { per: 'owner', least: 0, what: 'schedules of all functions together', unit: '' },
  /** To functions of the owner, at each gateway. */
  'calls-per-second': { per: 'owner', least: 1, what: 'calls a second from one address', unit: '' }
} as const

export type LimitName = keyof typeof limitKinds

export const limitNames = Object.keys(limitKinds) as LimitName[]

/** null: as much as there is. */
export type OwnerLimits = Record<LimitName, number | null>

/** What an administrator set for one owner; what is not named is as for everybody. */
export type OwnLimits = Partial<OwnerLimits>

/** What an owner has of what counts for all of its functions together. */
export type LimitedUse = Record<
  'functions' | 'replicas' | 'memory-mb' | 'cpu-millis' | 'builds' | 'storage-mb' | 'schedules',
  number
>

/** Where the installation's settings say nothing. */
export const defaultLimits: OwnerLimits = {
  functions: null,
  replicas: null,
  'replicas-per-function': 10,
  'memory-mb': null,
  'memory-mb-per-function': 1024,
  'cpu-millis': null,
  'cpu-millis-per-function': 2000,
  builds: 1,
  'storage-mb': null,
  schedules: 50,
  'calls-per-second': null
}

/** What the limits of functions together look at: of one function, all of its replicas. */
export interface FunctionUse {
  replicas: number
  memoryBytes: number
  cpuMillis: number
  schedules: number
}

export function useOf(
  replicas: number,
  { limits: { memoryBytes, cpuMillis }, annotations }: Pick<FunctionSpec, 'annotations'> & { limits: Resources }
): FunctionUse {
  const schedules = scheduleOf(annotations)?.expressions.length ?? 0
  return { replicas, memoryBytes: replicas * memoryBytes, cpuMillis: replicas * cpuMillis, schedules }
}

/** Of two versions of a function of which either may be live in a moment. */
export function greaterUse(a: FunctionUse, b: FunctionUse): FunctionUse {
  return {
    replicas: Math.max(a.replicas, b.replicas),
    memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
    cpuMillis: Math.max(a.cpuMillis, b.cpuMillis),
    schedules: Math.max(a.schedules, b.schedules)
  }
}

const mebibyte = 1024 ** 2

export function usedBy(functions: Iterable<FunctionUse>): Omit<LimitedUse, 'builds' | 'storage-mb'> {
  const used = { functions: 0, replicas: 0, 'memory-mb': 0, 'cpu-millis': 0, schedules: 0 }
  let bytes = 0
  for (const { replicas, memoryBytes, cpuMillis, schedules } of functions) {
    used.functions += 1
    used.replicas += replicas
    used['cpu-millis'] += cpuMillis
    used.schedules += schedules
    bytes += memoryBytes
  }
  return { ...used, 'memory-mb': Math.ceil(bytes / mebibyte) }
}

/** A number with its unit, as refusals and tables have it. */
export function limitText(name: LimitName, value: number | null): string {
  if (value === null) return 'no limit'
  const { unit } = limitKinds[name]
  return unit === 'MiB' ? `${value} ${unit}` : `${value}${unit}`
}

/** How the administrator raises it, for the end of a refusal. */
export function raiseLimit(owner: string, name: LimitName, value: number): string {
  return `an administrator raises it: slipway admin limits ${owner} ${name}=${value}`
}

/**
 * May an owner go from what it has to what it would have? What is over a limit already may stay, change and shrink: only what grows
 * is refused.
 *
 * @param before what is not in both is not looked at
 * @throws Failure `limit-exceeded` naming the limit, both numbers and who raises it
 */
export function assertWithin(
  owner: string,
  limits: OwnerLimits,
  before: Partial<LimitedUse>,
  after: Partial<LimitedUse>
): void {
  for (const name of limitNames) {
    if (!isSummed(name)) continue
    const limit = limits[name]
    const [had, wants] = [before[name], after[name]]
    if (limit === null || had === undefined || wants === undefined || wants <= limit || wants <= had) continue
    throw new Failure(
      'limit-exceeded',
      `${limitKinds[name].what}: ${owner} would have ${limitText(name, wants)}, and may have ${limitText(name, limit)} (${name}); ${raiseLimit(owner, name, wants)}`
    )
  }
}

export function isSummed(name: LimitName): name is keyof LimitedUse {
  return name !== 'calls-per-second' && limitKinds[name].per === 'owner'
}

/** What holds for an owner. */
export function limitsFor(defaults: OwnerLimits, own: OwnLimits): OwnerLimits {
  return { ...defaults, ...own }
}
