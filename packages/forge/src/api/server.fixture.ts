import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Build, CommitStatus, ForgeInstance, Repository } from '@slipway/domain'
import { openApiValidator } from '../contract/index.ts'

export interface Call {
  method: string
  /** Decoded, without the query. */
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Record<string, unknown> | null
}

export interface Answer {
  status: number
  body?: unknown
  headers?: Record<string, string>
  /** Sent as it is, unchecked: what a proxy in between would say. */
  raw?: string
}

export interface ContractServer {
  url: string
  calls: Call[]
  /** What was not as the forge's OpenAPI says. Asserted to be empty when the test ends; a test that plants some takes them out. */
  deviations: string[]
}

/** A forge on loopback that holds every call, and every answer of its own, to the forge's published OpenAPI. */
export async function startContractServer(
  t: TestContext,
  kind: 'github' | 'gitlab',
  answer: (call: Call, url: string) => Answer | Promise<Answer>
): Promise<ContractServer> {
  const validator = openApiValidator(kind)
  const prefix = kind === 'gitlab' ? '/api/v4' : ''
  const calls: Call[] = []
  const deviations: string[] = []
  const holds = (check: () => void) => {
    try {
      check()
    } catch (err) {
      deviations.push((err as Error).message)
    }
  }
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const text = Buffer.concat(chunks).toString()
      const url = new URL(request.url ?? '', 'http://forge')
      const below = url.pathname.slice(prefix.length)
      const body = text === '' ? null : (JSON.parse(text) as Record<string, unknown>)
      const method = request.method ?? ''
      const call = { method, path: decodeURIComponent(below), query: url.searchParams, headers: request.headers, body }
      calls.push(call)
      holds(() => validator.checkRequest(method, below + url.search, body))
      const {
        status,
        body: answered,
        headers,
        raw
      } = unchanged(call, await answer(call, `http://${request.headers.host}`))
      const isConditional = request.headers['if-none-match'] !== undefined
      if (raw === undefined)
        holds(() => validator.checkResponse(method, below + url.search, status, answered, isConditional))
      response.writeHead(status, {
        'content-type': raw === undefined ? 'application/json; charset=utf-8' : 'text/html',
        ...headers
      })
      response.end(raw ?? (answered === undefined ? undefined : JSON.stringify(answered)))
    })()
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => {
      server.close(resolve)
    })
    assert.deepEqual(deviations, [])
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls, deviations }
}

/** Both forges give every answer to a GET an `ETag`, and say 304 to who has it already. */
function unchanged({ method, headers: asked }: Call, given: Answer): Answer {
  if (method !== 'GET' || given.status !== 200 || given.raw !== undefined) return given
  const etag = `W/"${createHash('sha256').update(JSON.stringify(given.body)).digest('hex')}"`
  const headers = { ...given.headers, etag }
  return asked['if-none-match'] === etag ? { status: 304, headers } : { ...given, headers }
}

export function instanceAt(url: string, kind: 'github' | 'gitlab'): ForgeInstance {
  return { forgeId: kind, kind, baseUrl: url, apiUrl: kind === 'gitlab' ? `${url}/api/v4` : url }
}

export const commit = 'da1560886d4f094c3e6c9ef40349f7d38b5d27d7'
/** When these tests happen. */
export const clock = Date.UTC(2026, 0, 2, 3, 4, 5)

export function repositoryWith(change: Partial<Repository> = {}): Repository {
  return {
    id: 'r1',
    ownerId: 'o1',
    forgeId: 'forge',
    forgeRepositoryId: '186853002',
    name: 'Hello-World',
    fullName: 'Codertocat/Hello-World',
    defaultBranch: 'main',
    isPrivate: true,
    installationId: '957387',
    branch: null,
    stackPath: null,
    isAtomic: true,
    isAutomatic: true,
    policy: 'wait',
    hasPublicPages: false,
    connectedAt: clock,
    disconnectedAt: null,
    removedAt: null,
    suspendedAt: null,
    seenBy: null,
    access: null,
    connectionSeenBy: null,
    ...change
  }
}

export function buildWith(change: Partial<Build> = {}): Build {
  return {
    id: '0190a0b0-0000-7000-8000-000000000001',
    ownerId: 'o1',
    repositoryId: 'r1',
    ref: 'refs/heads/main',
    commit,
    before: null,
    trigger: 'push',
    status: 'queued',
    reason: null,
    generation: null,
    attempt: 0,
    nextAttemptAt: null,
    message: null,
    sender: 'octocat',
    noCache: false,
    warnings: [],
    createdAt: clock,
    startedAt: null,
    deployingAt: null,
    finishedAt: null,
    cancelRequestedAt: null,
    ...change
  }
}

export function statusWith(change: Partial<CommitStatus> = {}): CommitStatus {
  return {
    context: 'slipway/stack',
    state: 'queued',
    description: 'waiting for its turn',
    targetUrl: 'https://slipway.example.com/builds/1',
    text: null,
    annotations: [],
    ...change
  }
}
