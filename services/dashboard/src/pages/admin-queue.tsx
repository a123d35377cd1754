import type { QueueView } from '@slipway/client'
import { functionHref, ownerHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { BuildRow } from '../parts/build-row.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { WaitReason } from '../parts/wait-reason.tsx'
import { formatClock } from '../words/time.ts'

type Active = QueueView['active'][number]
type Worker = QueueView['workers'][number]

/** What runs where, what waits for what, and whose turn it is. */
export function AdminQueue() {
  const queue = useLoaded('getQueue', {}, ({ kind }) => kind !== 'delivery')
  return (
    <Show of={queue} rows={4}>
      {({ slots, owners, active, workers, waiting, waitingCount, draining }) => (
        <>
          <Section title="Under way" note={`${slots.taken} of ${slots.most} slots are taken. Roll-outs take none.`}>
            {active.length === 0 ? (
              <p class="note">Nothing is being built or rolled out.</p>
            ) : (
              <ul class="rows">
                {active.map((one) => (
                  <BuildRow key={one.build.id} build={one.build}>
                    <Lease of={one} />
                  </BuildRow>
                ))}
              </ul>
            )}
          </Section>
          <Section
            title="Waiting"
            note="The owner that was served longest ago comes next, with the oldest of its builds; of each branch one at a time."
          >
            {waitingCount === 0 ? (
              <Empty title="Nothing waits">
                <p>A push is built at once as long as there is a slot.</p>
              </Empty>
            ) : (
              <>
                <Owners owners={owners} />
                <ul class="rows">
                  {waiting.map((one) => (
                    <BuildRow key={one.build.id} build={one.build} state={<Turn turn={one.turn} />}>
                      <span class="note">
                        Waits: <WaitReason of={one.waitsFor} />
                      </span>
                    </BuildRow>
                  ))}
                </ul>
                {waitingCount > waiting.length && <p class="note after">And {waitingCount - waiting.length} more.</p>}
              </>
            )}
          </Section>
          <Section title="Workers" note="Those that said within a day that they are there.">
            {workers.length === 0 ? (
              <Empty title="No worker was seen">
                <p>Builds wait until a builder and a deployer are there.</p>
              </Empty>
            ) : (
              <ul class="rows">
                {workers.map((worker) => (
                  <WorkerRow key={worker.id} {...worker} />
                ))}
              </ul>
            )}
          </Section>
          {draining.length > 0 && (
            <Section
              title="Former versions that still have calls"
              note="Each goes when no gateway has a call of it any more."
            >
              <ul class="rows">
                {draining.map(({ deploymentId, owner, function: name, createdAt }) => (
                  <li key={deploymentId} class="row build-row">
                    <Status tone="waiting">Draining</Status>
                    <div class="row-main">
                      <a href={functionHref(owner, name)} class="strong">
                        {owner}/{name}
                      </a>
                    </div>
                    <div class="row-end note">
                      <span>
                        made <Ago at={createdAt} />
                      </span>
                    </div>
                  </li>
                ))}
              </ul>
            </Section>
          )}
        </>
      )}
    </Show>
  )
}

function WorkerRow({ id, kind, host, slots, holds, seenAt, isSilent }: Worker) {
  return (
    <li class="row health-row">
      <Status tone={isSilent ? 'bad' : holds > 0 ? 'busy' : 'good'}>
        {isSilent ? 'Silent' : holds > 0 ? 'Busy' : 'Free'}
      </Status>
      <div class="row-main">
        <span class="strong">{kind}</span>
        <span class="note clip">
          {host} · {id}
        </span>
      </div>
      <div class="row-end note">
        <span>
          has {holds}
          {slots !== null && <> of {slots}</>}
        </span>
        <span>
          seen <Ago at={seenAt} />
        </span>
      </div>
    </li>
  )
}

/** Who has it, and until when. */
function Lease({ of: { worker, leaseUntil, waitsFor } }: { of: Active }) {
  if (waitsFor !== null) {
    return (
      <span class="note">
        Waits: <WaitReason of={waitsFor} />
        {worker !== null && leaseUntil !== null && (
          <>
            {' '}
            ({worker} was last heard of <Ago at={leaseUntil} />)
          </>
        )}
      </span>
    )
  }
  return (
    <span class="note clip" title="Its worker says so again every few seconds; without that it is given to another.">
      at {worker}
      {leaseUntil !== null && <> until {formatClock(leaseUntil)} or longer</>}
    </span>
  )
}

function Turn({ turn }: { turn: number | null }) {
  if (turn === null) return <Status tone="quiet">No turn</Status>
  return <Status tone={turn === 1 ? 'good' : 'waiting'}>{turn === 1 ? 'Next' : `Turn ${turn}`}</Status>
}

function Owners({ owners }: { owners: QueueView['owners'] }) {
  const waiting = owners.filter((one) => one.waiting > 0)
  return (
    <ol class="turns" aria-label="Whose turn it is">
      {waiting.map(({ owner, building, most, waiting: count }) => (
        <li key={owner ?? ''} class="chip">
          {owner === null ? 'no name yet' : <a href={ownerHref(owner)}>{owner}</a>} · {count} waiting · {building} of{' '}
          {most} under way
        </li>
      ))}
    </ol>
  )
}
