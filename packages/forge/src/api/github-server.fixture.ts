import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import type { TestContext } from 'node:test'
import { examplesOf } from '../webhooks/deliveries.fixture.ts'
import { type Answer, type Call, clock, startContractServer } from './server.fixture.ts'

export const appId = 12345
export const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' }
})

type Json = Record<string, unknown>

/** As GitHub sent it once, in a webhook: in answers of its API it looks the same, but for what came later. */
export function recordedRepository(change: Json = {}): Json {
  const [body] = examplesOf('check_run') as [{ repository: Json }]
  return { ...body.repository, has_discussions: false, ...change }
}

function recordedInstallation(change: Json): Json {
  const bodies = examplesOf('installation') as { action: string; installation: Json }[]
  const found = bodies.find(({ action }) => action === 'suspend')?.installation
  return { ...found, suspended_at: null, suspended_by: null, ...change }
}

function recordedCheckRun(change: Json): Json {
  const [body] = examplesOf('check_run') as [{ check_run: Json }]
  return { ...body.check_run, ...change }
}

export interface Delivered {
  /** Larger than JavaScript's numbers. */
  id: bigint
  guid: string
  at: number
  statusCode: number
  event: string
  payload: Json | null
}

export interface GitHubState {
  /** id of an installation: what it may see, what its App may do. */
  installations: Record<string, { repositories: Json[]; isSuspended?: boolean; canCheck: boolean }>
  /** Repositories that everybody may see. */
  publicRepositories: Json[]
  runs: Json[]
  statuses: Json[]
  /** Short names of refs, as they stand in addresses, and where they point. */
  refs: Record<string, string>
  tokens: Map<string, { installation: string; repositoryIds: number[] | null; permissions: Json | null }>
  tokenLifeMs: number
  /** The App's deliveries, newest first, with what was sent. */
  deliveries: Delivered[]
  /** Asked first: an answer instead of the usual one. */
  instead(call: Call): Answer | null | Promise<Answer | null>
}

const notFound: Answer = {
  status: 404,
  body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' }
}

export const refused = (status: number, message: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) }
})

/** As much of GitHub as Slipway calls, on loopback. */
export async function startGitHub(t: TestContext, now: () => number = () => clock) {
  const state: GitHubState = {
    installations: { 957387: { repositories: [recordedRepository({ private: true })], canCheck: true } },
    publicRepositories: [],
    runs: [],
    statuses: [],
    refs: {},
    tokens: new Map(),
    tokenLifeMs: 3_600_000,
    deliveries: [],
    instead: () => null
  }
  const server = await startContractServer(
    t,
    'github',
    async (call) => (await state.instead(call)) ?? answer(state, now, call)
  )
  return { ...server, state }
}

function answer(state: GitHubState, now: () => number, call: Call): Answer {
  const { method, path } = call
  const authorization = call.headers.authorization ?? ''
  if (path.startsWith('/app/hook/deliveries')) {
    if (!isJwtOfApp(authorization, now())) return refused(401, 'A JSON web token could not be decoded')
    return deliveriesAnswer(state, path, call)
  }
  const installed = /^\/app\/installations\/([0-9]+)(\/access_tokens)?$/.exec(path)
  const named = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(path)
  if (installed !== null || named !== null) {
    if (!isJwtOfApp(authorization, now())) return refused(401, 'A JSON web token could not be decoded')
    const id = installed?.[1] ?? installationOf(state, named?.[1])
    const installation = id === undefined ? undefined : state.installations[id]
    if (id === undefined || installation === undefined) return notFound
    if (installed?.[2] !== undefined) return issueToken(state, now, id, call)
    const suspendedAt = installation.isSuspended === true ? new Date(now()).toISOString() : null
    return { status: 200, body: recordedInstallation({ id: Number(id), suspended_at: suspendedAt }) }
  }
  const token = state.tokens.get(authorization.replace(/^token /, ''))
  if (token === undefined) return refused(401, 'Bad credentials')
  const { repositories, canCheck } = state.installations[token.installation] ?? { repositories: [], canCheck: false }
  const visible = repositories.filter(({ id }) => token.repositoryIds?.includes(id as number) ?? true)
  if (path === '/installation/repositories') return listRepositories(visible, call)
  const byId = /^\/repositories\/([0-9]+)$/.exec(path)
  if (byId !== null) {
    const found = [...visible, ...state.publicRepositories].find(({ id }) => id === Number(byId[1]))
    return found === undefined ? notFound : { status: 200, body: { ...found, network_count: 0, subscribers_count: 0 } }
  }
  const [, fullName, rest = ''] = /^\/repos\/([^/]+\/[^/]+)(\/.*)$/.exec(path) ?? []
  if (!visible.some((repository) => repository.full_name === fullName)) return notFound
  if (rest.startsWith('/git/ref/')) return refAnswer(state, rest.slice('/git/ref/'.length))
  if (rest.includes('/check-runs')) {
    return canCheck ? checkAnswer(state, method, rest, call) : refused(403, 'Resource not accessible by integration')
  }
  return statusAnswer(state, rest, call)
}

function isJwtOfApp(authorization: string, now: number): boolean {
  const [head = '', payload = '', signature = ''] = authorization.replace(/^bearer /i, '').split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as { iss?: unknown; exp?: number }
  const signed = Buffer.from(`${head}.${payload}`)
  const isSigned = verify('RSA-SHA256', signed, createPublicKey(publicKey), Buffer.from(signature, 'base64url'))
  // The library asks the real clock: whether it signs for long enough is its own business.
  return isSigned && String(claims.iss) === String(appId) && typeof claims.exp === 'number' && now > 0
}

function installationOf({ installations }: GitHubState, fullName: string | undefined): string | undefined {
  const found = Object.entries(installations).find(([, { repositories }]) =>
    repositories.some((repository) => repository.full_name === fullName)
  )
  return found?.[0]
}

function issueToken(state: GitHubState, now: () => number, id: string, { body }: Call): Answer {
  const installation = state.installations[id]
  if (installation?.isSuspended === true) return refused(403, 'This installation has been suspended')
  const repositoryIds = (body?.repository_ids ?? null) as number[] | null
  const permissions = (body?.permissions ?? null) as Json | null
  const isKnown = repositoryIds?.every((wanted) => installation?.repositories.some((one) => one.id === wanted)) ?? true
  if (!isKnown) {
    const message =
      'There is at least one repository that does not exist or is not accessible to the parent installation.'
    return refused(422, message)
  }
  const token = `ghs_${state.tokens.size}_secret`
  state.tokens.set(token, { installation: id, repositoryIds, permissions })
  const expires = new Date(now() + state.tokenLifeMs).toISOString()
  return { status: 201, body: { token, expires_at: expires, permissions: permissions ?? { contents: 'read' } } }
}

function listRepositories(visible: Json[], { query }: Call): Answer {
  const size = Number(query.get('per_page') ?? 30)
  const start = (Number(query.get('page') ?? 1) - 1) * size
  return { status: 200, body: { total_count: visible.length, repositories: visible.slice(start, start + size) } }
}

/** Sent as text: its ids would be others as numbers. */
function deliveriesAnswer({ deliveries }: GitHubState, path: string, { query, headers }: Call): Answer {
  const itemOf = ({ id, guid, at, statusCode, event }: Delivered) => ({
    id: Number(id),
    guid,
    delivered_at: new Date(at).toISOString(),
    redelivery: false,
    duration: 0.2,
    status: statusCode < 300 ? 'OK' : 'failed',
    status_code: statusCode,
    event,
    action: null,
    installation_id: 1,
    repository_id: null
  })
  const exactly = (one: Delivered, item: object) =>
    JSON.stringify(item).replace(`"id":${Number(one.id)}`, `"id":${one.id}`)
  const named = path.slice('/app/hook/deliveries/'.length)
  if (named !== '') {
    const one = deliveries.find(({ id }) => String(id) === named)
    if (one === undefined) return notFound
    const request = { headers: { 'X-GitHub-Event': one.event }, payload: one.payload }
    return { status: 200, body: { ...itemOf(one), request, response: { headers: null, payload: null } } }
  }
  const size = Number(query.get('per_page') ?? 30)
  const start = Number(query.get('cursor')?.slice('v1_'.length) ?? 0)
  const failed = deliveries.filter(({ statusCode }) => query.get('status') !== 'failure' || statusCode >= 300)
  const shown = failed.slice(start, start + size)
  const next = `<http://${headers.host}/app/hook/deliveries?per_page=${size}&cursor=v1_${start + size}>; rel="next"`
  return {
    status: 200,
    raw: `[${shown.map((one) => exactly(one, itemOf(one))).join(',')}]`,
    headers: { 'content-type': 'application/json', ...(start + size < failed.length ? { link: next } : {}) }
  }
}

function refAnswer({ refs }: GitHubState, name: string): Answer {
  const sha = refs[name]
  if (sha === undefined) return notFound
  const url = 'https://api.github.com/repos/Codertocat/Hello-World/git'
  const object = { type: 'commit', sha, url: `${url}/commits/${sha}` }
  return { status: 200, body: { ref: `refs/${name}`, node_id: 'x', url: `${url}/refs/${encodeURI(name)}`, object } }
}

function checkAnswer({ runs }: GitHubState, method: string, rest: string, { body, query }: Call): Answer {
  if (method === 'GET') {
    const commit = rest.split('/')[2]
    const found = runs.filter((run) => run.head_sha === commit && run.name === query.get('check_name'))
    return { status: 200, body: { total_count: found.length, check_runs: found } }
  }
  const id = Number(rest.split('/')[2] ?? Number.NaN)
  const known = runs.find((run) => run.id === id)
  if (method === 'PATCH' && known === undefined) return notFound
  const run = known ?? recordedCheckRun({ id: runs.length + 1, conclusion: null, completed_at: null })
  const { output, ...fields } = body ?? {}
  const { annotations = [], ...told } = (output ?? {}) as { annotations?: unknown[] }
  const before = known === undefined ? 0 : (run.output as { annotations_count: number }).annotations_count
  Object.assign(run, fields, {
    output: {
      title: null,
      summary: null,
      text: null,
      ...told,
      annotations_url: 'https://api.github.com/annotations',
      annotations_count: before + annotations.length
    }
  })
  if (known === undefined) runs.push(run)
  return { status: method === 'PATCH' ? 200 : 201, body: run }
}

function statusAnswer({ statuses }: GitHubState, rest: string, { body }: Call): Answer {
  const [recorded] = examplesOf('status') as [Json & { sender: Json }]
  const at = new Date(clock).toISOString()
  const status = { target_url: null, ...body, id: statuses.length + 1, sha: rest.split('/')[2] }
  statuses.push(status)
  const url = `https://api.github.com/statuses/${status.id}`
  const rows = {
    url,
    node_id: 'x',
    avatar_url: recorded.sender.avatar_url,
    creator: recorded.sender,
    created_at: at,
    updated_at: at
  }
  return { status: 201, body: { ...status, ...rows } }
}
