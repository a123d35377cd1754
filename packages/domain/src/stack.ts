import Type, { type Static } from 'typebox'

const Milliseconds = Type.Integer({ minimum: 0 })

/** When a new replica counts as ready. Paths are asked on the function's port by GET; 2xx is ready, 429 is busy but alive. */
export const Readiness = Type.Object({
  path: Type.String({ pattern: '^/' }),
  /** Which setting the path came from, for the message when nothing answers there. */
  pathSource: Type.String(),
  initialDelayMs: Milliseconds,
  periodMs: Milliseconds,
  timeoutMs: Milliseconds,
  successThreshold: Type.Integer({ minimum: 1 }),
  failureThreshold: Type.Integer({ minimum: 1 })
})
export type Readiness = Static<typeof Readiness>

export const Resources = Type.Object({
  memoryBytes: Type.Integer({ minimum: 1 }),
  cpuMillis: Type.Integer({ minimum: 1 })
})
export type Resources = Static<typeof Resources>

/**
 * How one function runs: everything of its `stack.yml` entry that outlives the build, with the platform's defaults applied
 * and every refused field already dropped. It is stored with each deployment, and never changes afterwards.
 */
export const FunctionSpec = Type.Object({
  name: Type.String(),
  environment: Type.Record(Type.String(), Type.String()),
  /** Names of sets of secrets, without the owner. */
  secrets: Type.Array(Type.String()),
  labels: Type.Record(Type.String(), Type.String()),
  annotations: Type.Record(Type.String(), Type.String()),
  /** What no policy lets through, of a function that is deployed as an image: told to who asks by OpenFaaS' API, and to nobody else. */
  notes: Type.Optional(
    Type.Object({
      labels: Type.Record(Type.String(), Type.String()),
      annotations: Type.Record(Type.String(), Type.String())
    })
  ),
  limits: Resources,
  requests: Type.Union([Resources, Type.Null()]),
  replicas: Type.Object({ min: Type.Integer({ minimum: 0 }), max: Type.Integer({ minimum: 1 }) }),
  hasReadonlyRoot: Type.Boolean(),
  /** The process that of-watchdog starts; null keeps the image's own. */
  fprocess: Type.Union([Type.String(), Type.Null()]),
  constraints: Type.Array(Type.String()),
  readiness: Readiness,
  /** A former replica may take this long to answer what it has begun. */
  writeTimeoutMs: Milliseconds
})
export type FunctionSpec = Static<typeof FunctionSpec>

/** With how many replicas a version begins. */
export function firstReplicas({ replicas }: Pick<FunctionSpec, 'replicas'>): number {
  return Math.max(1, replicas.min)
}

/** Every function listens here. */
export const functionPort = 8080

/** A field of `stack.yml` that was refused or dropped by policy: told in the log and on the commit, never silent. */
export const StackWarning = Type.Object({
  path: Type.String(),
  line: Type.Integer(),
  column: Type.Integer(),
  message: Type.String()
})
export type StackWarning = Static<typeof StackWarning>
