import Type, { type Static, type TProperties } from 'typebox'

/*
 * What OpenFaaS' gateway takes and answers, recorded from its OpenAPI document (version 0.8.12 of `api-docs/spec.openapi.yml` in
 * https://github.com/openfaas/faas) and, where it says less, from faas-provider's types: every field that there is, and no other.
 */

const exactly = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false })
const Words = Type.Record(Type.String(), Type.String())
const OrNull = <T extends TProperties[string]>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))
const Text = Type.Optional(Type.String())
const Names = Type.Optional(Type.Array(Type.String()))
const Resources = OrNull(exactly({ memory: Text, cpu: Text }))

export const FunctionDeployment = exactly({
  service: Type.String(),
  image: Type.String(),
  namespace: Text,
  envProcess: Text,
  constraints: Names,
  envVars: Type.Optional(Words),
  secrets: Names,
  labels: OrNull(Words),
  annotations: OrNull(Words),
  limits: Resources,
  requests: Resources,
  readOnlyRootFilesystem: Type.Optional(Type.Boolean())
})
export type FunctionDeployment = Static<typeof FunctionDeployment>

export const FunctionStatus = exactly({
  name: Type.String(),
  image: Type.String(),
  namespace: Text,
  envProcess: Text,
  envVars: Type.Optional(Words),
  constraints: Names,
  secrets: Names,
  labels: OrNull(Words),
  annotations: OrNull(Words),
  limits: Resources,
  requests: Resources,
  readOnlyRootFilesystem: Type.Optional(Type.Boolean()),
  invocationCount: Type.Optional(Type.Number()),
  replicas: Type.Optional(Type.Number()),
  availableReplicas: Type.Optional(Type.Number()),
  createdAt: Type.Optional(Type.String({ format: 'date-time' })),
  usage: OrNull(exactly({ cpu: Type.Optional(Type.Number()), totalMemoryBytes: Type.Optional(Type.Number()) }))
})
export type FunctionStatus = Static<typeof FunctionStatus>

export const DeleteFunction = exactly({ functionName: Type.String(), namespace: Text })
export const ScaleService = exactly({
  serviceName: Type.String(),
  namespace: Text,
  replicas: Type.Integer({ minimum: 0 })
})
export const Secret = exactly({ name: Type.String(), namespace: Text, value: Text, rawValue: Text })
export const FunctionNamespace = exactly({ name: Type.String(), labels: OrNull(Words), annotations: OrNull(Words) })
export const LogEntry = exactly({
  name: Type.String(),
  namespace: Type.String(),
  instance: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  text: Type.String()
})

const Version = OrNull(exactly({ commit_message: Text, sha: Type.String(), release: Type.String() }))
export const GatewayInfo = exactly({
  provider: OrNull(exactly({ provider: Type.String(), orchestration: Type.String(), version: Version })),
  version: Version,
  arch: Type.String()
})
