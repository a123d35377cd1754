import type { BuildView } from '@slipway/client'
import { useLocation } from 'preact-iso'
import { ownerHref } from '../addresses.ts'
import { useList } from '../live/use-list.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { BuildRow } from '../parts/build-row.tsx'
import { More } from '../parts/more.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { buildWord } from '../words/build.ts'

const statuses = [
  'queued',
  'building',
  'deploying',
  'live',
  'failed',
  'error',
  'superseded',
  'cancelled',
  'skipped'
] as const
const isStatus = (text: string | undefined): text is BuildView['status'] => statuses.some((one) => one === text)

export function BuildsPage({ owner }: { owner: string }) {
  const { query, route } = useLocation()
  const filter = {
    owner,
    limit: 50,
    ...(isStatus(query.status) ? { status: query.status } : {}),
    ...(query.branch ? { branch: query.branch } : {}),
    ...(query.repository ? { repository: query.repository } : {})
  }
  const builds = useList('listBuilds', filter, (event) => event.kind === 'build' && event.owner === owner)
  const repositories = useLoaded('listRepositories', { owner, limit: 200 })
  const show = (name: string, value: string) => {
    const next = new URLSearchParams(query)
    if (value === '') next.delete(name)
    else next.set(name, value)
    route(`${ownerHref(owner, 'builds')}${next.size === 0 ? '' : `?${next.toString()}`}`, true)
  }
  return (
    <div class="page">
      <PageHead title="Builds" note="Every attempt to bring a commit live, newest first." />
      <div class="filters">
        <label>
          Status
          <select value={query.status ?? ''} onChange={(event) => show('status', event.currentTarget.value)}>
            <option value="">All</option>
            {statuses.map((status) => (
              <option key={status} value={status}>
                {buildWord(status)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Repository
          <select value={query.repository ?? ''} onChange={(event) => show('repository', event.currentTarget.value)}>
            <option value="">All</option>
            {repositories.data?.items.map(({ id, fullName }) => (
              <option key={id} value={id}>
                {fullName}
              </option>
            ))}
          </select>
        </label>
        <label>
          Branch
          <input
            value={query.branch ?? ''}
            placeholder="All"
            onChange={(event) => show('branch', event.currentTarget.value.trim())}
          />
        </label>
      </div>
      <Show of={builds} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No build is like that">
              <p>Push to a connected repository, or choose other filters.</p>
            </Empty>
          ) : (
            <>
              <ul class="rows">
                {items.map((build) => (
                  <BuildRow key={build.id} build={build} />
                ))}
              </ul>
              <More pages={builds.pages} />
            </>
          )
        }
      </Show>
    </div>
  )
}
