import type { BuildDetail, BuildView, RouteInput, StatusApi } from '@slipway/client'
import { Failure, type FailureCode, isTerminal, shortCommit } from '@slipway/domain'
import type { Progress } from './progress.ts'
import { ago, onOneLine, printable, tableOfReasons } from './table.ts'

export async function listBuilds(
  api: Pick<StatusApi, 'listBuilds'>,
  filter: RouteInput<'listBuilds'>,
  now: number
): Promise<{ builds: BuildView[]; text: string }> {
  const builds = (await api.listBuilds(filter)).items
  return {
    builds,
    text: builds.length === 0 ? 'No such builds: "slipway status" shows all there is.' : rows(builds, now)
  }
}

function rows(builds: readonly BuildView[], now: number): string {
  return tableOfReasons(
    ['BUILD', 'REPOSITORY', 'BRANCH', 'COMMIT', 'BY', 'STATUS', 'WHEN', 'WHY'],
    builds.map((one) => [
      one.id,
      one.repository,
      onOneLine(one.ref.replace('refs/heads/', '')),
      shortCommit(one.commit),
      one.trigger,
      one.status,
      ago(one.createdAt, now),
      one.reason ?? one.message ?? ''
    ])
  )
}

/**
 * The newest build of a commit that was built, not one that only deployed again.
 *
 * @throws Failure `not-found`
 */
export async function newestBuild(
  api: Pick<StatusApi, 'listBuilds'>,
  { id, fullName }: { id: string; fullName: string }
): Promise<string> {
  const { items } = await api.listBuilds({ repository: id, limit: 100 })
  const build = items.find(({ trigger }) => !['rollback', 'redeploy', 'configuration'].includes(trigger))
  if (build === undefined) throw new Failure('not-found', `${fullName} has no build yet: push something`)
  return build.id
}

/** Shows a build's log until it ended, then how. @throws Failure when it did not go live */
export async function followBuild(
  api: Pick<StatusApi, 'followLog' | 'getBuild'>,
  id: string,
  progress: Progress,
  signal: AbortSignal
): Promise<BuildDetail> {
  try {
    for await (const chunk of api.followLog(id, { follow: true }, signal)) progress.tell(chunk)
  } finally {
    progress.end()
  }
  const build = await api.getBuild({ id }, signal)
  assertLive(build, progress)
  return build
}

const codes: Partial<Record<BuildView['status'], FailureCode>> = { superseded: 'superseded', cancelled: 'cancelled' }

function assertLive({ id, status, reason, functions }: BuildDetail, progress: Progress): void {
  if (status === 'live') return
  if (!isTerminal(status)) {
    throw new Failure('unavailable', `build ${id} is still ${status}: "slipway logs -f --build ${id}" goes on`)
  }
  const failed = functions.flatMap(({ name, reason: why }) => (why === null ? [] : [{ name, why }]))
  const more = failed.flatMap(({ name, why }) => {
    // Where one function failed, the build's reason is that one's.
    const told = reason?.startsWith(`${name}: ${why}`) === true ? [] : [`  ${name}: ${printable(why)}`]
    const [first = '', ...rest] = why.split('\n')
    // A reason of several lines has the end of the log in it already.
    const said = rest.length > 0 ? [] : progress.lastLines(name).filter((line) => !line.startsWith(first))
    return [...told, ...(said.length === 0 ? [] : [`what ${name} said last:`, ...said.map((line) => `  ${line}`)])]
  })
  if (failed.length > 0)
    more.push(`"slipway logs --build ${id}" shows all of it, "slipway open --build ${id}" its page`)
  const text = `build ${id} is ${status}${reason === null ? '' : `: ${printable(reason)}`}`
  throw new Failure(codes[status] ?? 'build-failed', [text, ...more].join('\n'))
}
