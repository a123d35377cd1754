import type { TestContext } from 'node:test'
import { type Answer, type Call, clock, commit, startContractServer } from './server.fixture.ts'

type Json = Record<string, unknown>

export const token = 'glpat-a-secret-token'

export interface GitLabState {
  projects: Json[]
  /** Groups by full path. */
  groups: Record<string, Json>
  branches: Record<string, string>
  /** Addresses of the projects' hooks; null: the token may not see them. */
  hooks: string[] | null
  statuses: (Json & { name: string; status: string; pipeline_id: number; ref: string })[]
  /** Asked first: an answer instead of the usual one. */
  instead(call: Call): Answer | null | Promise<Answer | null>
}

export function namespaceOf(
  kind: 'user' | 'group',
  fullPath: string,
  id: number,
  parentId: number | null = null
): Json {
  const path = fullPath.split('/').at(-1)
  return {
    id,
    name: path,
    path,
    kind,
    full_path: fullPath,
    parent_id: parentId,
    avatar_url: null,
    web_url: 'https://gitlab.example.com/x'
  }
}

export function projectOf(id: number, fullPath: string, namespace: Json, change: Json = {}): Json {
  const path = fullPath.split('/').at(-1)
  return {
    id,
    description: null,
    name: `The ${path}`,
    name_with_namespace: fullPath.replaceAll('/', ' / '),
    path,
    path_with_namespace: fullPath,
    created_at: '2013-09-30T13:46:02.000Z',
    default_branch: 'main',
    http_url_to_repo: `https://gitlab.example.com/${fullPath}.git`,
    web_url: `https://gitlab.example.com/${fullPath}`,
    visibility: 'private',
    archived: false,
    namespace,
    ...change
  }
}

export function groupOf(id: number, fullPath: string): Json {
  const path = fullPath.split('/').at(-1)
  const web = `https://gitlab.example.com/groups/${fullPath}`
  return {
    id,
    name: path,
    path,
    full_name: path,
    full_path: fullPath,
    parent_id: null,
    visibility: 'private',
    web_url: web
  }
}

const refused = (status: number, message: string): Answer => ({ status, body: { message } })

/** As much of GitLab as Slipway calls, on loopback. */
export async function startGitLab(t: TestContext) {
  const state: GitLabState = {
    projects: [projectOf(15, 'mike/diaspora', namespaceOf('user', 'mike', 40))],
    groups: {},
    branches: {},
    hooks: [],
    statuses: [],
    instead: () => null
  }
  const server = await startContractServer(
    t,
    'gitlab',
    async (call) => (await state.instead(call)) ?? answer(state, call)
  )
  return { ...server, state }
}

function answer(state: GitLabState, { method, path, headers, body }: Call): Answer {
  if (headers['private-token'] !== token) return refused(401, '401 Unauthorized')
  if (path === '/user') return { status: 200, body: account }
  const group = state.groups[path.slice('/groups/'.length)]
  if (path.startsWith('/groups/'))
    return group === undefined ? refused(404, '404 Group Not Found') : { status: 200, body: group }
  const [, id, rest = ''] = /^\/projects\/([0-9]+)(\/.*)?$/.exec(path) ?? []
  const project = state.projects.find((one) => String(one.id) === id)
  if (project === undefined) return refused(404, '404 Project Not Found')
  if (rest === '') return { status: 200, body: project }
  if (rest === '/hooks') return hooksAnswer(state, Number(id))
  if (rest.startsWith('/repository/branches/')) return branchAnswer(state, rest.slice('/repository/branches/'.length))
  if (method === 'POST' && rest === `/statuses/${commit}`) return statusAnswer(state, body ?? {})
  return refused(404, '404 Commit Not Found')
}

const account = {
  id: 77,
  username: 'slipway',
  name: 'Slipway',
  state: 'active',
  web_url: 'https://gitlab.example.com/s'
}

function hooksAnswer({ hooks }: GitLabState, projectId: number): Answer {
  if (hooks === null) return refused(403, '403 Forbidden')
  const rest = { project_id: projectId, push_events: true, enable_ssl_verification: true }
  const at = new Date(clock).toISOString()
  return { status: 200, body: hooks.map((url, index) => ({ id: index + 1, url, ...rest, created_at: at })) }
}

function branchAnswer({ branches }: GitLabState, name: string): Answer {
  const id = branches[name]
  if (id === undefined) return refused(404, '404 Branch Not Found')
  const head = { id, short_id: id.slice(0, 8), title: 'x', message: 'x', parent_ids: [] }
  const flags = { merged: false, protected: false, default: false, web_url: 'https://gitlab.example.com/x' }
  return { status: 200, body: { name, commit: head, ...flags } }
}

const order = ['created', 'pending', 'running']

function statusAnswer({ statuses }: GitLabState, body: Json): Answer {
  const { state: wanted, name = 'default', ref, pipeline_id: given, target_url: url = null, description = null } = body
  const open = statuses.find((one) => one.name === name && order.includes(one.status))
  const isForward =
    open === undefined || !order.includes(String(wanted)) || order.indexOf(String(wanted)) > order.indexOf(open.status)
  if (!isForward) {
    return refused(
      400,
      `Cannot transition status via :run from :${open.status} (Reason(s): Status cannot transition via "run")`
    )
  }
  const status = open ?? {
    id: statuses.length + 1,
    pipeline_id: (given as number | undefined) ?? 100 + statuses.length
  }
  const at = new Date(clock).toISOString()
  const author = {
    id: 1,
    username: 'slipway',
    name: 'Slipway',
    state: 'active',
    avatar_url: null,
    web_url: 'https://gitlab.example.com/slipway'
  }
  const times = { created_at: at, started_at: null, finished_at: null, allow_failure: false, coverage: null, author }
  Object.assign(status, { status: wanted, name, ref, target_url: url, description, sha: commit }, times)
  if (open === undefined) statuses.push(status as GitLabState['statuses'][number])
  return { status: 201, body: status }
}
