import { defaultLimits, type OwnerLimits } from '@slipway/domain'
import Type, { type Static, type TObject } from 'typebox'

const Limit = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, description: `${description} Unset: as much as there is.` }))
const PerFunction = (most: number | null, description: string) =>
  Type.Integer({ minimum: 1, default: most ?? 1, description })

/** What an owner may have for whom an administrator set nothing else. */
export const limitSettings = {
  LIMIT_FUNCTIONS: Limit('Functions that an owner may have.'),
  LIMIT_REPLICAS: Limit("Replicas of all of an owner's functions together."),
  LIMIT_MEMORY_MB: Limit("Memory of all replicas of an owner's functions together."),
  LIMIT_CPU_MILLIS: Limit("Processor of all replicas of an owner's functions together, in thousandths."),
  LIMIT_STORAGE_MB: Limit("What an owner's images take in the registry; a layer that several have counts once."),
  LIMIT_REPLICAS_PER_FUNCTION: PerFunction(defaultLimits['replicas-per-function'], 'Replicas of one function.'),
  LIMIT_MEMORY_MB_PER_FUNCTION: PerFunction(defaultLimits['memory-mb-per-function'], 'Memory of one replica.'),
  LIMIT_CPU_MILLIS_PER_FUNCTION: PerFunction(
    defaultLimits['cpu-millis-per-function'],
    'Processor of one replica, in thousandths.'
  ),
  LIMIT_SCHEDULES: Type.Integer({
    minimum: 0,
    default: defaultLimits.schedules ?? 0,
    description: "Cron expressions of all of an owner's functions together."
  }),
  LIMIT_CALLS_PER_SECOND: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        "Calls a second to an owner's functions from one address, at each gateway; more are answered 429. Unset: as many as come."
    })
  )
}

type LimitConfig = Static<TObject<typeof limitSettings>> & { BUILD_SLOTS_PER_OWNER: number }

export function limitsOf(config: LimitConfig): OwnerLimits {
  return {
    functions: config.LIMIT_FUNCTIONS ?? null,
    replicas: config.LIMIT_REPLICAS ?? null,
    'replicas-per-function': config.LIMIT_REPLICAS_PER_FUNCTION,
    'memory-mb': config.LIMIT_MEMORY_MB ?? null,
    'memory-mb-per-function': config.LIMIT_MEMORY_MB_PER_FUNCTION,
    'cpu-millis': config.LIMIT_CPU_MILLIS ?? null,
    'cpu-millis-per-function': config.LIMIT_CPU_MILLIS_PER_FUNCTION,
    builds: config.BUILD_SLOTS_PER_OWNER,
    'storage-mb': config.LIMIT_STORAGE_MB ?? null,
    schedules: config.LIMIT_SCHEDULES,
    'calls-per-second': config.LIMIT_CALLS_PER_SECOND ?? null
  }
}
