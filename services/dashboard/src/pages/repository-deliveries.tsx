import type { DeliveryView } from '@slipway/client'
import { buildHref } from '../addresses.ts'
import { useList } from '../live/use-list.ts'
import { Commit } from '../parts/commit.tsx'
import { More } from '../parts/more.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { branchOf, type Tone } from '../words/build.ts'

const outcomes: Record<DeliveryView['outcome'], { word: string; tone: Tone }> = {
  queued: { word: 'Built', tone: 'good' },
  skipped: { word: 'Skipped', tone: 'quiet' },
  ignored: { word: 'Ignored', tone: 'quiet' },
  duplicate: { word: 'Known', tone: 'quiet' },
  accepted: { word: 'Accepted', tone: 'waiting' },
  applied: { word: 'Applied', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' }
}

export function RepositoryDeliveries({ owner, repositoryId }: { owner: string; repositoryId: string }) {
  const input = { owner, repository: repositoryId, limit: 50 }
  const deliveries = useList('listDeliveries', input, (event) => event.repositoryId === repositoryId)
  return (
    <Show of={deliveries}>
      {({ items }) => {
        if (items.length === 0) {
          return (
            <Empty title="Nothing was delivered">
              <p>
                Is the hook switched on at the forge, and does it reach this installation? Pushes are found all the
                same, by asking for the head, within minutes.
              </p>
            </Empty>
          )
        }
        return (
          <>
            <ul class="rows">
              {items.map((one) => (
                <DeliveryRow key={one.id} one={one} />
              ))}
            </ul>
            <More pages={deliveries.pages} />
          </>
        )
      }}
    </Show>
  )
}

function DeliveryRow({ one: { event, ref, commit, outcome, reason, buildId, receivedAt } }: { one: DeliveryView }) {
  const { word, tone } = outcomes[outcome]
  return (
    <li class="row build-row">
      <Status tone={tone}>{word}</Status>
      <div class="row-main">
        <span class="clip">
          {event}
          {ref !== null && ` of ${branchOf(ref)}`} {commit !== null && <Commit commit={commit} />}
        </span>
        {reason !== null && <span class="reason">{reason}</span>}
      </div>
      <div class="row-end note">
        <Ago at={receivedAt} />
        {buildId !== null && <a href={buildHref(buildId)}>build</a>}
      </div>
    </li>
  )
}
