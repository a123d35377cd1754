import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { BuildDetail, BuildView, DeliveryView, FunctionView, StatusApi } from '@slipway/client'
import { Failure, isTerminal, shortCommit } from '@slipway/domain'
import { ago, gist, onOneLine, tableOfReasons } from './table.ts'

const run = promisify(execFile)

type Api = Pick<StatusApi, 'listDeliveries' | 'listBuilds' | 'getBuild' | 'listFunctions'>

/** What is known of a commit. */
export interface Explanation {
  commit: string
  /** What became of it, in a sentence. */
  answer: string
  deliveries: DeliveryView[]
  builds: BuildDetail[]
}

/** How far back it is searched: lists are by page, and not by commit's beginning. */
const pages = 10

/**
 * Why a commit is live or is not: its deliveries, its builds and what was decided.
 *
 * @throws Failure `not-found`, `invalid-request` for what is no commit or the beginning of several
 */
export async function explainCommit(api: Api, named: string, directory: string): Promise<Explanation> {
  const start = await commitOf(named, directory)
  const deliveries = await search(api.listDeliveries, ({ commit }) => commit?.startsWith(start) === true)
  const found: BuildView[] =
    start.length === 40
      ? (await api.listBuilds({ commit: start, limit: 200 })).items
      : await search(api.listBuilds, ({ commit }) => commit.startsWith(start))
  const [commit, ...others] = new Set([...deliveries, ...found].flatMap((one) => one.commit ?? []))
  if (commit === undefined) {
    throw new Failure(
      'not-found',
      `nothing is known of ${start}: only the newest commit of each push is told; was it pushed, and does the hook reach Slipway? "slipway builds" shows what did`
    )
  }
  if (others.length > 0) {
    throw new Failure(
      'invalid-request',
      `${start} begins several commits (${[commit, ...others].map(shortCommit).join(', ')}): write more of it`
    )
  }
  const builds = await Promise.all(found.map(({ id }) => api.getBuild({ id })))
  const [newest] = builds
  const functions =
    newest === undefined ? [] : (await api.listFunctions({ repository: newest.repositoryId, limit: 200 })).items
  return { commit, answer: answerOf(commit, deliveries, builds, functions), deliveries, builds }
}

/** The whole id where git knows it here (then also `HEAD` or a branch), else what was written. */
async function commitOf(named: string, directory: string): Promise<string> {
  try {
    const revision = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${named}^{commit}`]
    return (await run('git', revision, { cwd: directory })).stdout.trim()
  } catch (err) {
    if (/^[0-9a-f]{4,40}$/i.test(named)) return named.toLowerCase()
    throw new Failure('invalid-request', `"${named}" is no commit: write at least 4 digits of its id`, { cause: err })
  }
}

async function search<T>(
  list: (input: { limit: number; before?: string }) => Promise<{ items: T[]; next: string | null }>,
  isMeant: (item: T) => boolean
): Promise<T[]> {
  const found: T[] = []
  let before: string | null = null
  for (let i = 0; i < pages; i++) {
    const page = await list({ limit: 200, ...(before === null ? {} : { before }) })
    found.push(...page.items.filter(isMeant))
    before = page.next
    if (before === null) break
  }
  return found
}

function answerOf(
  commit: string,
  deliveries: readonly DeliveryView[],
  [build]: readonly BuildDetail[],
  functions: readonly FunctionView[]
): string {
  const live = functions.filter((one) => one.live?.commit === commit).map(({ owner, name }) => `${owner}/${name}`)
  if (build === undefined) {
    const [delivery] = deliveries
    return `It was not built: its delivery was ${delivery?.outcome}${because(delivery?.reason ?? null)}.`
  }
  const { id, status, reason, waitsFor } = build
  if (!isTerminal(status)) {
    const waiting = waitsFor === null ? '' : `; it waits: ${onOneLine(waitsFor.why)}`
    return `It is on its way, ${status}${because(reason)}${waiting}: "slipway logs -f --build ${id}".`
  }
  if (live.length > 0) {
    const last = status === 'live' ? '' : ` Its newest build is ${status}${because(reason)}.`
    return `It is live: ${live.join(', ')}.${last}`
  }
  if (status !== 'live') return `It did not go live: build ${id} is ${status}${because(reason)}.`
  const now = new Set(functions.flatMap((one) => (one.live?.commit == null ? [] : [shortCommit(one.live.commit)])))
  return `It was live; now ${now.size === 0 ? 'nothing of its repository is' : `${[...now].join(', ')} is`}.`
}

const because = (reason: string | null) => (reason === null ? '' : `, because: ${gist(reason)}`)

export function shownExplanation({ commit, answer, deliveries, builds }: Explanation, now: number): string {
  const functions = builds.flatMap((build) =>
    build.functions.map((one) => [build.id, one.name, one.status, one.isReused ? 'reused' : '', one.reason ?? ''])
  )
  return [
    `${commit}: ${answer}`,
    '',
    deliveries.length === 0
      ? 'No delivery: the commit was found by looking at the head, or by hand.'
      : tableOfReasons(
          ['DELIVERY', 'EVENT', 'REF', 'OUTCOME', 'WHEN', 'WHY'],
          deliveries.map((one) => [
            one.deliveryId ?? one.id,
            onOneLine(one.event),
            onOneLine(one.ref ?? '-'),
            one.outcome,
            ago(one.receivedAt, now),
            one.reason ?? ''
          ])
        ),
    ...(builds.length === 0 ? [] : ['', buildRows(builds, now)]),
    ...(functions.length === 0 ? [] : ['', tableOfReasons(['BUILD', 'FUNCTION', 'STATUS', 'IMAGE', 'WHY'], functions)])
  ].join('\n')
}

function buildRows(builds: readonly BuildDetail[], now: number): string {
  return tableOfReasons(
    ['BUILD', 'REPOSITORY', 'BY', 'STATUS', 'TRIES', 'WHEN', 'WHY'],
    builds.map((one) => [
      one.id,
      one.repository,
      one.trigger,
      one.status,
      String(one.attempt + 1),
      ago(one.createdAt, now),
      one.reason ?? ''
    ])
  )
}
