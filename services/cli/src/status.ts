import type { StatusApi } from '@slipway/client'
import { shortCommit } from '@slipway/domain'
import { shownFunctions } from './functions.ts'
import { ago, tableOfReasons } from './table.ts'

/** What is live and what is on its way, for people; with `json` for programs. */
export async function status(
  api: StatusApi,
  { owner, json }: { owner?: string; json: boolean },
  now: number
): Promise<string> {
  const filter = owner === undefined ? {} : { owner }
  const functions = (await api.listFunctions({ ...filter, limit: 200 })).items
  const builds = (await api.listBuilds({ ...filter, limit: 20 })).items
  if (json) return JSON.stringify({ functions, builds }, null, 2)

  const latest = builds
    .slice(0, 10)
    .map((one) => [
      one.id,
      one.repository,
      one.ref.replace('refs/heads/', ''),
      shortCommit(one.commit),
      one.status,
      ago(one.createdAt, now),
      one.reason ?? one.message ?? ''
    ])
  return [
    shownFunctions(functions, now),
    '',
    builds.length === 0
      ? 'No builds yet.'
      : tableOfReasons(['BUILD', 'REPOSITORY', 'BRANCH', 'COMMIT', 'STATUS', 'WHEN', 'WHY'], latest)
  ].join('\n')
}
