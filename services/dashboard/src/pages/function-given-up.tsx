import type { GivenUpCallView } from '@slipway/client'
import { functionHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useEvery } from '../live/use-every.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { Listing } from '../parts/listing.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'
import { formatBytes } from '../words/bytes.ts'
import type { FunctionTab } from './function.tsx'

/** No event tells of them. */
const everyMs = 10_000
const shownLimit = 100

function useGivenUpCalls(owner: string, name: string) {
  const calls = useLoaded('listGivenUpCalls', { owner, function: name, state: 'failed', limit: shownLimit })
  useEvery(everyMs, calls.reload)
  return calls
}

/** Calls that nobody waits for and that failed at every try: each is made again, or forgotten. */
export function FunctionGivenUp({ one: { owner, name, repositoryId } }: FunctionTab) {
  const calls = useGivenUpCalls(owner, name)
  const mayDecide = useMay()('retryGivenUpCall', { owner, repositoryId })
  const isCut = calls.data?.items.length === shownLimit
  return (
    <Section
      title="Calls that were given up"
      note={`Asynchronous calls that failed at every try, kept for a week${isCut ? `. The newest ${shownLimit} are shown` : ''}.`}
    >
      <Listing
        of={calls}
        empty={
          <Empty title="No call was given up">
            <p>
              A call to <code>/async-function/…</code> is tried again when it fails. One that fails at every try stays
              here, so that it is not lost.
            </p>
          </Empty>
        }
      >
        {(one) => <CallRow key={one.id} one={one} mayDecide={mayDecide} reload={calls.reload} />}
      </Listing>
    </Section>
  )
}

function CallRow({ one, mayDecide, reload }: { one: GivenUpCallView; mayDecide: boolean; reload: () => void }) {
  const { method, path, callId, attempts, reason, bodyBytes, acceptedAt, givenUpAt } = one
  return (
    <li class="row call-row">
      <div class="row-main">
        <span class="clip strong">
          <code>{`${method} ${path}`}</code>
        </span>
        <span class="reason">{reason}</span>
        <span class="note">
          {attempts === 1 ? 'tried once' : `tried ${attempts} times`} ·{' '}
          {bodyBytes === 0 ? 'no body' : formatBytes(bodyBytes)} · call <code>{callId}</code>
        </span>
      </div>
      <div class="row-end note">
        {givenUpAt !== null && (
          <span>
            given up <Ago at={givenUpAt} />
          </span>
        )}
        <span>
          came <Ago at={acceptedAt} />
        </span>
      </div>
      {mayDecide && <Decision one={one} reload={reload} />}
    </li>
  )
}

function Decision({ one, reload }: { one: GivenUpCallView; reload: () => void }) {
  const { owner, function: name, id, method, path } = one
  const about = { owner, name, call: id }
  const { isRunning, run } = useAction()
  const retry = () =>
    run(async () => {
      await call('retryGivenUpCall', about)
      reload()
      return `${method} ${path} is made again, with all its tries.`
    })
  return (
    <div class="actions">
      <button type="button" class="button small" disabled={isRunning} onClick={retry}>
        Try again
      </button>
      <ConfirmButton
        label="Discard"
        title={`Discard ${method} ${path}?`}
        confirm="Discard it"
        tone="danger"
        onConfirm={async () => {
          await call('dropGivenUpCall', about)
          reload()
          return `${method} ${path} is discarded.`
        }}
      >
        <p>It is not made again, and what it carried is gone.</p>
      </ConfirmButton>
    </div>
  )
}

/** Whoever left such a call has long gone on: an owner would not hear of it. */
export function GivenUpNews({ owner, name }: { owner: string; name: string }) {
  const count = useGivenUpCalls(owner, name).data?.items.length ?? 0
  if (count === 0) return null
  const howMany =
    count === shownLimit ? `${count} calls or more were` : count === 1 ? 'A call was' : `${count} calls were`
  return (
    <div class="problem tone-warning">
      <strong>{howMany} given up</strong>
      <p>
        {count === 1 ? 'It' : 'Each'} failed at every try.{' '}
        <a href={functionHref(owner, name, 'given-up')}>See why, and try again</a>
      </p>
    </div>
  )
}
