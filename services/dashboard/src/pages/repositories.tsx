import type { RepositoryView } from '@slipway/client'
import { repositoryHref } from '../addresses.ts'
import { useList } from '../live/use-list.ts'
import { More } from '../parts/more.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'

export function RepositoriesPage({ owner }: { owner: string }) {
  const input = { owner, limit: 100 }
  const repositories = useList('listRepositories', input, (event) => event.owner === owner && event.kind === 'delivery')
  return (
    <div class="page">
      <PageHead title="Repositories" note="Where pushes come from, which branch is deployed, and how." />
      <Show of={repositories}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No repository is connected">
              <p>
                Install the GitHub App, or make the GitLab project's hook: the first delivery connects the repository.
                Without a forge <code>slipway deploy --owner {owner}</code> sends a folder.
              </p>
            </Empty>
          ) : (
            <>
              <ul class="rows">
                {items.map((one) => (
                  <RepositoryRow key={one.id} owner={owner} one={one} />
                ))}
              </ul>
              <More pages={repositories.pages} />
            </>
          )
        }
      </Show>
    </div>
  )
}

function RepositoryRow({ owner, one }: { owner: string; one: RepositoryView }) {
  return (
    <li class="row">
      <div class="row-main">
        <a href={repositoryHref(owner, one.id)} class="strong clip">
          {one.fullName}
        </a>
        <span class="note clip">
          {one.isPrivate ? 'private' : 'public'} · {one.isAutomatic ? 'deploys' : 'deploys when asked'}{' '}
          {one.branch ?? one.defaultBranch} · {one.stackPath ?? 'stack.yml'} ·{' '}
          {one.policy === 'wait' ? 'builds end before the next' : 'newer pushes stop builds'}
        </span>
      </div>
      <div class="row-end">
        <RepositoryState one={one} />
      </div>
    </li>
  )
}

export function RepositoryState({ one: { disconnectedAt, removedAt } }: { one: RepositoryView }) {
  if (removedAt !== null) return <Status tone="quiet">Removed</Status>
  if (disconnectedAt !== null) return <Status tone="warning">Not seen at its forge</Status>
  return <Status tone="good">Connected</Status>
}
