import type { DeliveryView } from '@slipway/client'
import { buildHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { Commit } from '../parts/commit.tsx'
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

/** Lists are by owner: of the newest deliveries those of one repository. */
export function RepositoryDeliveries({ owner, repositoryId }: { owner: string; repositoryId: string }) {
  const deliveries = useLoaded('listDeliveries', { owner, limit: 200 }, (event) => event.repositoryId === repositoryId)
  return (
    <Show of={deliveries}>
      {({ items }) => {
        const mine = items.filter((one) => one.repositoryId === repositoryId)
        if (mine.length === 0) {
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
          <ul class="rows">
            {mine.slice(0, 50).map((one) => (
              <DeliveryRow key={one.id} one={one} />
            ))}
          </ul>
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
