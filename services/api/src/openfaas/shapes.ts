import Type, { type Static } from 'typebox'

/*
 * What OpenFaaS' gateway takes and answers, as faas-cli and faas-provider have it: https://github.com/openfaas/faas-provider/tree/master/types.
 * Fields that are not named here are not used.
 */

const Words = Type.Record(Type.String({ maxLength: 253 }), Type.String({ maxLength: 65_536 }))
const OptionalWords = Type.Optional(Type.Union([Words, Type.Null()]))
const Names = Type.Optional(Type.Union([Type.Array(Type.String({ maxLength: 253 }), { maxItems: 200 }), Type.Null()]))
const Namespace = Type.Optional(Type.String({ maxLength: 63, description: 'the owner; default: the one of the token' }))

const Resources = Type.Optional(
  Type.Union([Type.Object({ memory: Type.Optional(Type.String()), cpu: Type.Optional(Type.String()) }), Type.Null()])
)

/** A function as it is to run. */
export const FunctionDeployment = Type.Object({
  service: Type.String({ minLength: 1, maxLength: 63, description: 'the name of the function, without its owner' }),
  image: Type.String({ minLength: 1, maxLength: 512 }),
  namespace: Namespace,
  envProcess: Type.Optional(Type.String({ maxLength: 4096 })),
  envVars: OptionalWords,
  constraints: Names,
  secrets: Names,
  labels: OptionalWords,
  annotations: OptionalWords,
  limits: Resources,
  requests: Resources,
  readOnlyRootFilesystem: Type.Optional(Type.Boolean())
})
export type FunctionDeployment = Static<typeof FunctionDeployment>

/** A function as it runs. */
export const FunctionStatus = Type.Object({
  name: Type.String(),
  namespace: Type.String(),
  image: Type.String(),
  envProcess: Type.Optional(Type.String()),
  envVars: Type.Optional(Words),
  constraints: Type.Array(Type.String()),
  secrets: Type.Optional(Type.Array(Type.String())),
  labels: Words,
  annotations: Words,
  limits: Resources,
  requests: Resources,
  readOnlyRootFilesystem: Type.Boolean(),
  invocationCount: Type.Integer({ description: 'calls of the last thirty days' }),
  replicas: Type.Integer(),
  availableReplicas: Type.Integer(),
  createdAt: Type.String()
})
export type FunctionStatus = Static<typeof FunctionStatus>

export const FunctionName = Type.Object({
  functionName: Type.String({ minLength: 1, maxLength: 127 }),
  namespace: Namespace
})

export const Scale = Type.Object({
  serviceName: Type.Optional(Type.String({ maxLength: 127 })),
  replicas: Type.Integer({ minimum: 0, maximum: 100 }),
  namespace: Namespace
})

const Word = Type.Optional(Type.String({ maxLength: 253 }))

/** What Alertmanager sends to a webhook: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. */
export const Alerts = Type.Object({
  alerts: Type.Array(
    Type.Object({
      status: Type.String({ maxLength: 32, description: '`firing`; all else counts as resolved' }),
      labels: Type.Object({ function_name: Word })
    }),
    { maxItems: 500 }
  )
})
export type Alerts = Static<typeof Alerts>

export const AlertsTaken = Type.Object({
  functions: Type.Array(
    Type.Object({
      name: Type.String(),
      namespace: Type.String(),
      replicas: Type.Union([Type.Integer(), Type.Null()]),
      reason: Type.Union([Type.String(), Type.Null()], { description: 'why nothing was done' })
    })
  )
})
export type AlertsTaken = Static<typeof AlertsTaken>

export const NamespaceQuery = Type.Object({ namespace: Namespace })

/** Its value stands in a file of its name. */
export const Secret = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 63 }),
  namespace: Namespace,
  value: Type.Optional(Type.String()),
  rawValue: Type.Optional(Type.Union([Type.String({ description: 'base64, in place of value' }), Type.Null()]))
})
export type Secret = Static<typeof Secret>

export const SecretName = Type.Object({ name: Secret.properties.name, namespace: Namespace })

export const FunctionNamespace = Type.Object({
  name: Type.Optional(Type.String({ maxLength: 63 })),
  labels: OptionalWords,
  annotations: OptionalWords
})
export type FunctionNamespace = Static<typeof FunctionNamespace>

export const LogQuery = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 127 }),
  namespace: Namespace,
  follow: Type.String({ maxLength: 16, default: 'false', description: '`true`, `t` or `1`; all else is none of it' }),
  since: Type.Optional(Type.String({ format: 'date-time' })),
  tail: Type.Optional(Type.Integer({ maximum: 10_000, description: 'of each replica; 0 or less: all' })),
  instance: Type.Optional(Type.String({ maxLength: 253 }))
})

const Version = Type.Object({ release: Type.String(), sha: Type.String() })
const ProviderInfo = Type.Object({ provider: Type.String(), orchestration: Type.String(), version: Version })
/** A gateway's, or a provider's to a gateway. */
export const Info = Type.Union([
  Type.Object({ provider: ProviderInfo, version: Version, arch: Type.String() }),
  ProviderInfo
])

/** What was taken and goes on by itself. */
export const Taken = Type.Object({ message: Type.String(), buildId: Type.Optional(Type.String()) })
