import type { RepositoryView } from '@slipway/client'
import { ownerHref } from '../addresses.ts'
import { ApiProblem } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { BuildRow } from '../parts/build-row.tsx'
import { FunctionList } from '../parts/function-list.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty, ProblemBox, Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { RepositoryState } from './repositories.tsx'
import { RepositoryDeliveries } from './repository-deliveries.tsx'
import { RepositoryHealth } from './repository-health.tsx'
import { RepositorySettings } from './repository-settings.tsx'
import { RepositoryStanding } from './repository-standing.tsx'

export function RepositoryPage({ owner, id }: { owner: string; id: string }) {
  const repositories = useLoaded('listRepositories', { owner, limit: 200 }, (event) => event.repositoryId === id)
  return (
    <div class="page">
      <Show of={repositories}>
        {({ items }) => {
          const one = items.find((one) => one.id === id)
          if (one === undefined) {
            return <ProblemBox problem={new ApiProblem(404, 'not-found', `${owner} has no such repository.`)} />
          }
          return <Repository owner={owner} one={one} reload={repositories.reload} />
        }}
      </Show>
    </div>
  )
}

function Repository({ owner, one, reload }: { owner: string; one: RepositoryView; reload: () => void }) {
  const may = useMay()
  const about = { owner, repositoryId: one.id }
  // A folder that is sent has no forge that would deliver something.
  const isAtForge = one.forgeId !== 'api'
  const isMine = (event: { repositoryId?: string; kind: string }) =>
    event.repositoryId === one.id || event.kind === 'function'
  const builds = useLoaded('listBuilds', { owner, repository: one.id, limit: 50 }, isMine)
  const functions = useLoaded('listFunctions', { owner, repository: one.id, limit: 200 }, isMine)
  return (
    <>
      <PageHead
        title={one.fullName}
        note={
          <>
            <RepositoryState one={one} /> · connected <Ago at={one.connectedAt} />
          </>
        }
      >
        {one.url !== null && (
          <a href={one.url} class="button small" target="_blank" rel="noreferrer">
            At its forge
          </a>
        )}
      </PageHead>
      {builds.data !== null && functions.data !== null && (
        <RepositoryStanding owner={owner} one={one} builds={builds.data.items} functions={functions.data.items} />
      )}
      <Section title="Functions">
        <Show of={functions}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="It has no function yet">
                <p>What its stack file lists appears here with the first build that goes live.</p>
              </Empty>
            ) : (
              <FunctionList items={items} builds={builds.data?.items ?? []} />
            )
          }
        </Show>
      </Section>
      <Section
        title="Latest builds"
        actions={<a href={`${ownerHref(owner, 'builds')}?repository=${encodeURIComponent(one.id)}`}>All builds</a>}
      >
        <Show of={builds}>
          {({ items }) =>
            items.length === 0 ? (
              <p class="note">Nothing was built yet.</p>
            ) : (
              <ul class="rows">
                {items.slice(0, 5).map((build) => (
                  <BuildRow key={build.id} build={build} hasRepository={false} />
                ))}
              </ul>
            )
          }
        </Show>
      </Section>
      {may('updateRepository', about) && (
        <Section title="Settings">
          <RepositorySettings key={one.id} one={one} reload={reload} />
        </Section>
      )}
      {isAtForge && may('getRepositoryHealth', about) && (
        <Section title="Health" note="Whether pushes find their way here.">
          <RepositoryHealth id={one.id} />
        </Section>
      )}
      {isAtForge && may('listDeliveries', about) && (
        <Section title="Deliveries" note="What its forge sent, and why a push was or was not deployed.">
          <RepositoryDeliveries owner={owner} repositoryId={one.id} />
        </Section>
      )}
    </>
  )
}
