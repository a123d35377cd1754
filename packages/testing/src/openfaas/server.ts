import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import { createFunctions, type KnownFunction } from './functions.ts'
import type { FunctionRuntime } from './runtime.ts'
import * as specification from './specification.ts'

/** What one edition has and another has not. */
export interface OpenFaasEdition {
  provider: string
  functionLimit: number
  replicaLimit: number
  /** Others are refused. */
  scaleLabels: readonly string[]
  hasNamespaces: boolean
  /** null: all that the runtime has. */
  isPublic: ((image: string) => boolean) | null
}

/** As faas-netes of the Community Edition has it. */
export const communityEdition: OpenFaasEdition = {
  provider: 'faas-netes-ce',
  functionLimit: 15,
  replicaLimit: 5,
  scaleLabels: ['com.openfaas.scale.min', 'com.openfaas.scale.max'],
  hasNamespaces: false,
  isPublic: null
}

/** One with namespaces, and hardly a limit. */
export const fullEdition: OpenFaasEdition = {
  ...communityEdition,
  provider: 'faas-netes',
  functionLimit: 1000,
  replicaLimit: 100,
  hasNamespaces: true
}

export interface OpenFaasServerOptions {
  runtime: FunctionRuntime
  edition?: OpenFaasEdition
  /** What `Authorization` must be. */
  authorization: string
  /** A log that is followed ends after so long, as with a gateway's write time-out. */
  followMs?: number
}

export interface OpenFaasServer {
  url: URL
  /** What was asked of `/system`, as `<method> <path>`. */
  asked: string[]
  /** By `<name>.<namespace>`. */
  secrets: Map<string, Uint8Array>
  close(): Promise<void>
}

const defaultNamespace = 'openfaas-fn'

class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A gateway as OpenFaaS' specification has it, in front of functions that really run: for tests. It holds whoever asks to the specification, too. */
export async function startOpenFaas(options: OpenFaasServerOptions): Promise<OpenFaasServer> {
  const { runtime, edition = communityEdition, authorization, followMs = 60_000 } = options
  const asked: string[] = []
  const secrets = new Map<string, Uint8Array>()
  const namespaces = new Set([defaultNamespace])
  const functions = createFunctions(runtime, (names, namespace) =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = secrets.get(`${name}.${namespace}`)
        return value === undefined ? [] : [[name, value]]
      })
    )
  )

  function known(namespace: string | null | undefined): string {
    const name = namespace || defaultNamespace
    if (namespaces.has(name)) return name
    throw new Refusal(
      400,
      edition.hasNamespaces ? `namespace ${name} is not allowed` : `namespace must be: ${defaultNamespace}`
    )
  }

  function assertDeployable({ labels, secrets: names }: specification.FunctionDeployment, namespace: string): void {
    const label = Object.keys(labels ?? {}).find(
      (name) => name.startsWith('com.openfaas.scale.') && !edition.scaleLabels.includes(name)
    )
    if (label !== undefined) throw new Refusal(400, `validation failed: ${label} not available for Community Edition`)
    for (const name of ['min', 'max']) {
      const value = Number(labels?.[`com.openfaas.scale.${name}`] ?? 0)
      if (value <= edition.replicaLimit) continue
      throw new Refusal(400, `validation failed: com.openfaas.scale.${name} is set too high for Community Edition`)
    }
    const missing = names?.find((name) => !secrets.has(`${name}.${namespace}`))
    if (missing !== undefined) throw new Refusal(400, `unable to fetch secrets: secrets "${missing}" not found`)
  }

  async function deploy(body: unknown, isUpdate: boolean): Promise<void> {
    const wanted = checked(specification.FunctionDeployment, body)
    const namespace = known(wanted.namespace)
    assertDeployable(wanted, namespace)
    const there = functions.find(wanted.service, namespace)
    if (isUpdate && there === undefined) throw new Refusal(404, `deployments.apps "${wanted.service}" not found`)
    if (!isUpdate && there !== undefined) {
      throw new Refusal(500, `unable create Deployment: deployments.apps "${wanted.service}" already exists`)
    }
    if (edition.isPublic?.(wanted.image) === false) {
      throw new Refusal(400, 'the Community Edition license agreement only allows public images')
    }
    const refusal = await runtime.refusalOf(wanted.image)
    if (refusal !== null) throw new Refusal(400, refusal)
    if (!isUpdate && functions.all().length + 1 > edition.functionLimit) {
      throw new Refusal(400, `unable to create function, maximum: ${edition.functionLimit}`)
    }
    functions.deploy(wanted, namespace, Math.max(1, Number(wanted.labels?.['com.openfaas.scale.min'] ?? 1)))
  }

  function one(name: string, namespace: string | null | undefined): KnownFunction {
    const found = functions.find(name, known(namespace))
    if (found === undefined) throw new Refusal(404, `function ${name} not found`)
    return found
  }

  async function system(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    const [, , noun = '', name = ''] = url.pathname.split('/')
    const namespace = url.searchParams.get('namespace')
    const body = await bodyOf(req)
    const taken = (status = 202) => void res.writeHead(status).end()
    switch (`${req.method} ${noun}`) {
      case 'GET functions': {
        const inside = known(namespace)
        const of = functions.all().filter((fn) => fn.namespace === inside)
        return answer(res, specification.FunctionStatus, await Promise.all(of.map(functions.statusOf)))
      }
      case 'POST functions':
      case 'PUT functions':
        await deploy(body, req.method === 'PUT')
        return taken()
      case 'DELETE functions': {
        const wanted = checked(specification.DeleteFunction, body)
        functions.remove(one(wanted.functionName, namespace ?? wanted.namespace))
        return taken()
      }
      case 'GET function':
        return answer(res, specification.FunctionStatus, await functions.statusOf(one(name, namespace)))
      case 'POST scale-function': {
        const wanted = checked(specification.ScaleService, body)
        // What it cannot have is changed without a word.
        functions.scale(
          one(name, namespace ?? wanted.namespace),
          Math.min(edition.replicaLimit, Math.max(1, wanted.replicas))
        )
        return taken()
      }
      case 'GET namespaces':
        return answer(res, null, [...namespaces])
      case 'POST namespace':
        if (!edition.hasNamespaces) throw new Refusal(404, '404 page not found')
        namespaces.add(checked(specification.FunctionNamespace, body).name)
        return taken(201)
      case 'POST secrets':
      case 'PUT secrets':
      case 'DELETE secrets': {
        const wanted = checked(specification.Secret, body)
        const key = `${wanted.name}.${known(wanted.namespace)}`
        if (req.method === 'POST' && secrets.has(key)) throw new Refusal(409, '')
        if (req.method !== 'POST' && !secrets.has(key)) throw new Refusal(404, '')
        if (req.method === 'DELETE') secrets.delete(key)
        else secrets.set(key, Buffer.from(wanted.rawValue ?? '', 'base64'))
        return taken()
      }
      case 'GET info': {
        const version = { release: '0.27.13', sha: '8d803bf9' }
        const provider = { provider: edition.provider, orchestration: 'kubernetes', version }
        return answer(res, specification.GatewayInfo, { provider, version, arch: 'x86_64' })
      }
      case 'GET logs':
        return logs(res, url.searchParams)
      default:
        throw new Refusal(404, '404 page not found')
    }
  }

  /** A stream of a function that is removed goes on, as that of faas-netes does. */
  async function logs(res: ServerResponse, query: URLSearchParams): Promise<void> {
    const fn = one(query.get('name') ?? '', query.get('namespace'))
    const since = Math.floor((Date.parse(query.get('since') ?? '') || 0) / 1000) * 1000
    const tail = Number(query.get('tail') ?? 0)
    const endsAt = Date.now() + followMs
    res.writeHead(200, { 'content-type': 'application/x-ndjson' })
    let told = 0
    let all = await functions.linesOf(fn)
    let lines = all.filter(({ at }) => at >= since)
    if (tail > 0) lines = [...Map.groupBy(lines, (line) => line.instance).values()].flatMap((of) => of.slice(-tail))
    for (;;) {
      for (const { at, instance, text } of lines) {
        const timestamp = new Date(at).toISOString()
        const entry = { name: fn.request.service, namespace: fn.namespace, instance, timestamp, text: `${text}\n` }
        res.write(`${JSON.stringify(checked(specification.LogEntry, entry))}\n`)
      }
      told = all.length
      if (query.get('follow') !== 'true' || Date.now() > endsAt || res.destroyed) break
      await sleep(20)
      all = await functions.linesOf(fn)
      lines = all.slice(told)
    }
    res.end()
  }

  async function call(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    const [, , written = '', ...rest] = url.pathname.split('/')
    const dot = written.indexOf('.')
    const [name, namespace] = dot < 0 ? [written, null] : [written.slice(0, dot), written.slice(dot + 1)]
    const replica = await functions.pick(one(name, namespace))
    if (replica === null) throw new Refusal(502, `unable to resolve ${written}: no addresses available`)
    const { method, headers } = req
    const onward = request({
      ...replica.address,
      method,
      path: `/${rest.join('/')}${url.search}`,
      headers,
      agent: false
    })
    onward.once('error', () => res.destroy())
    onward.once('response', (answered) => {
      res.writeHead(answered.statusCode ?? 502, answered.headers)
      answered.pipe(res)
    })
    req.pipe(onward)
  }

  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://gateway')
    const serve = async () => {
      if (url.pathname.startsWith('/function/')) return call(req, res, url)
      if (url.pathname === '/healthz') return void res.end('OK')
      asked.push(`${req.method} ${url.pathname}`)
      if (req.headers.authorization !== authorization) throw new Refusal(401, 'invalid credentials')
      return system(req, res, url)
    }
    serve().catch((err: unknown) => {
      if (res.headersSent) res.destroy()
      else
        res.writeHead(err instanceof Refusal ? err.status : 500).end(err instanceof Error ? err.message : String(err))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked,
    secrets,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await functions.close()
    }
  }
}

function checked<S extends TSchema>(schema: S, value: unknown) {
  if (Value.Check(schema, value)) return value
  const [first] = Value.Errors(schema, value)
  throw new Refusal(400, `not as specified: ${first?.instancePath} ${first?.message}`)
}

/** @param schema of the answer, or of each of its items */
function answer(res: ServerResponse, schema: TSchema | null, value: unknown): void {
  if (schema !== null) for (const item of Array.isArray(value) ? value : [value]) checked(schema, item)
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  for await (const part of req as AsyncIterable<Buffer>) parts.push(part)
  const text = Buffer.concat(parts).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}
