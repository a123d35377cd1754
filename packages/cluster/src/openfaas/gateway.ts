import { Failure } from '@slipway/domain'
import Type from 'typebox'
import { FunctionStatus, Info, inShort, type OpenFaasClient, parsed, read, type Told } from './client.ts'
import { codeOf, isThereAlready, refusalOf } from './refusals.ts'

/** A function as the gateway is asked to run it. */
export interface FunctionRequest {
  service: string
  image: string
  namespace?: string
  envProcess?: string
  envVars: Record<string, string>
  secrets: string[]
  labels: Record<string, string>
  annotations: Record<string, string>
  limits: { memory: string; cpu: string }
  requests: { memory: string; cpu: string }
  readOnlyRootFilesystem: boolean
}

/** One function of one namespace; null: the gateway's own default. */
export interface FunctionName {
  name: string
  namespace: string | null
}

/** The part of OpenFaaS' REST API that functions are managed by, in our words. Every call may fail as `unavailable`. */
export interface OpenFaasGateway {
  list(namespace: string | null, signal: AbortSignal): Promise<FunctionStatus[]>
  /** null: there is none. */
  find(which: FunctionName, signal: AbortSignal): Promise<FunctionStatus | null>
  /** What the gateway said: not all that it refuses ends a roll-out. */
  deploy(wanted: FunctionRequest, isUpdate: boolean, signal: AbortSignal): Promise<Told>
  /** Nothing there is fine. */
  remove(which: FunctionName, signal: AbortSignal): Promise<void>
  /** @throws Failure as `refusalOf` has it */
  scale(which: FunctionName, replicas: number, signal: AbortSignal): Promise<void>
  /** Those that hold functions. */
  namespaces(signal: AbortSignal): Promise<string[]>
  /** @throws Failure `unsupported` where the gateway makes none */
  createNamespace(name: string, labels: Record<string, string>, signal: AbortSignal): Promise<void>
  /** Sets it, there or not. */
  putSecret(namespace: string | null, name: string, value: Uint8Array, signal: AbortSignal): Promise<void>
  /** Nothing there is fine. */
  removeSecret(namespace: string | null, name: string, signal: AbortSignal): Promise<void>
  info(signal: AbortSignal): Promise<Info>
}

export function createGateway(client: OpenFaasClient): OpenFaasGateway {
  const inNamespace = (namespace: string | null): Record<string, string> => (namespace === null ? {} : { namespace })

  function assertTaken(what: string, told: Told): void {
    if (told.status < 200 || told.status > 299) throw refusalOf(what, told)
  }

  return {
    async list(namespace, signal) {
      const told = await client.ask({ method: 'GET', path: '/system/functions', query: inNamespace(namespace) }, signal)
      // A gateway that has none may say null.
      return read(Type.Union([Type.Array(FunctionStatus), Type.Null()]), told, 'list functions') ?? []
    },
    async find({ name, namespace }, signal) {
      const path = `/system/function/${name}`
      const told = await client.ask({ method: 'GET', path, query: inNamespace(namespace) }, signal)
      // faasd says 404 with words, and some providers 500 for what is on its way out.
      if (told.status === 404 || (told.status === 500 && /not found|no such/i.test(told.text))) return null
      return read(FunctionStatus, told, `read the function ${name}`)
    },
    deploy: (wanted, isUpdate, signal) =>
      client.ask({ method: isUpdate ? 'PUT' : 'POST', path: '/system/functions', body: wanted }, signal),
    async remove({ name, namespace }, signal) {
      const body = { functionName: name, ...inNamespace(namespace) }
      const told = await client.ask(
        { method: 'DELETE', path: '/system/functions', query: inNamespace(namespace), body },
        signal
      )
      if (told.status !== 404) assertTaken(`remove the function ${name}`, told)
    },
    async scale({ name, namespace }, replicas, signal) {
      const path = `/system/scale-function/${name}`
      const body = { serviceName: name, ...inNamespace(namespace), replicas }
      const told = await client.ask({ method: 'POST', path, query: inNamespace(namespace), body }, signal)
      assertTaken(`scale the function ${name} to ${replicas}`, told)
    },
    async namespaces(signal) {
      const told = await client.ask({ method: 'GET', path: '/system/namespaces' }, signal)
      return read(Type.Union([Type.Array(Type.String()), Type.Null()]), told, 'list namespaces') ?? []
    },
    async createNamespace(name, labels, signal) {
      // OpenFaaS on Kubernetes looks after namespaces with this annotation.
      const body = { name, annotations: { openfaas: '1' } }
      const make = (whole: object) => client.ask({ method: 'POST', path: '/system/namespace/', body: whole }, signal)
      let told = await make({ ...body, labels })
      // Namespaces of Slipway's have no labels. Nothing is known by them: they are for people.
      if (codeOf(told) === 'unsupported') told = await make(body)
      if (isThereAlready(told)) return
      if (told.status === 404 || told.status === 405 || told.status === 501) {
        throw new Failure(
          'unsupported',
          `this OpenFaaS makes no namespaces (it answered ${told.status}, ${inShort(told.text)}): set OPENFAAS_NAMESPACES to "one"`
        )
      }
      assertTaken(`make the namespace ${name}`, told)
    },
    async putSecret(namespace, name, value, signal) {
      const body = { name, ...inNamespace(namespace), rawValue: Buffer.from(value).toString('base64') }
      const made = await client.ask({ method: 'POST', path: '/system/secrets', body }, signal)
      if (!isThereAlready(made)) return assertTaken(`make the secret ${name}`, made)
      assertTaken(
        `change the secret ${name}`,
        await client.ask({ method: 'PUT', path: '/system/secrets', body }, signal)
      )
    },
    async removeSecret(namespace, name, signal) {
      const body = { name, ...inNamespace(namespace) }
      const told = await client.ask({ method: 'DELETE', path: '/system/secrets', body }, signal)
      if (told.status !== 404) assertTaken(`remove the secret ${name}`, told)
    },
    async info(signal) {
      const told = await client.ask({ method: 'GET', path: '/system/info' }, signal)
      const info = told.status === 200 ? parsed(told.text) : undefined
      // Older ones say less, and in another form.
      return info === undefined ? {} : read(Info, told, 'ask for its version')
    }
  }
}
