import type { BuildView, FunctionView } from '@slipway/client'
import { ownerHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { BuildRow } from '../parts/build-row.tsx'
import { FirstPush } from '../parts/first-push.tsx'
import { FunctionList } from '../parts/function-list.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Show } from '../parts/states.tsx'
import { isOver } from '../words/build.ts'

/** What is live, what is being built and why something failed: an owner's whole state at a glance. */
export function OverviewPage({ owner }: { owner: string }) {
  const functions = useLoaded('listFunctions', { owner, limit: 200 }, (event) => event.owner === owner)
  const builds = useLoaded(
    'listBuilds',
    { owner, limit: 50 },
    (event) => event.owner === owner && event.kind === 'build'
  )
  const traffic = useLoaded('getOwnerTraffic', { owner, window: '24h' })
  const all = builds.data?.items ?? []
  const running = all.filter(({ status }) => !isOver(status))
  return (
    <div class="page">
      <PageHead title={owner} note={summary(functions.data?.items ?? [], running)} />
      {running.length > 0 && (
        <Section title="Under way">
          <ul class="rows">
            {running.map((build) => (
              <BuildRow key={build.id} build={build} />
            ))}
          </ul>
        </Section>
      )}
      <Section title="Functions">
        <Show of={functions}>
          {({ items }) =>
            items.length === 0 ? (
              <FirstPush owner={owner} hasBuilds={all.length > 0} />
            ) : (
              <FunctionList items={items} builds={all} traffic={traffic.data?.functions ?? []} />
            )
          }
        </Show>
      </Section>
      <Section title="Latest builds" actions={<a href={ownerHref(owner, 'builds')}>All builds</a>}>
        <Show of={builds}>
          {({ items }) =>
            items.length === 0 ? (
              <p class="note">Nothing was built yet.</p>
            ) : (
              <ul class="rows">
                {items.slice(0, 8).map((build) => (
                  <BuildRow key={build.id} build={build} />
                ))}
              </ul>
            )
          }
        </Show>
      </Section>
    </div>
  )
}

function summary(functions: FunctionView[], running: BuildView[]): string {
  const live = functions.filter((one) => one.live !== null).length
  const paused = functions.filter((one) => one.isPaused).length
  return [
    `${live} ${live === 1 ? 'function' : 'functions'} live`,
    ...(paused > 0 ? [`${paused} paused`] : []),
    ...(running.length > 0 ? [`${running.length} under way`] : [])
  ].join(' · ')
}
