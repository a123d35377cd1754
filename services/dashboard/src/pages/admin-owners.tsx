import type { OwnerView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { limitsHref, ownerHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useList } from '../live/use-list.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { Avatar } from '../parts/avatar.tsx'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { TextField } from '../parts/form.tsx'
import { More } from '../parts/more.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'

export function AdminOwners() {
  const owners = useList('listOwners', { limit: 100 }, ({ kind }) => kind === 'delivery')
  return (
    <Section title="Owners" note="Accounts and groups at the forges, and the name that each has here.">
      <Show of={owners}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nobody has pushed yet" />
          ) : (
            <>
              <ul class="rows">
                {items.map((one) => (
                  <OwnerRow key={one.id} one={one} reload={owners.reload} />
                ))}
              </ul>
              <More pages={owners.pages} />
            </>
          )
        }
      </Show>
    </Section>
  )
}

function OwnerRow({ one, reload }: { one: OwnerView; reload: () => void }) {
  const { id, slug, login, forgeId, isListed, suspension, createdAt } = one
  return (
    <li class="row">
      <Avatar name={slug ?? login} />
      <div class="row-main">
        {slug === null ? (
          <NameForm id={id} login={login} reload={reload} />
        ) : (
          <a href={ownerHref(slug)} class="strong">
            {slug}
          </a>
        )}
        <span class="note">{forgeId === 'api' ? 'without a forge' : `${login} at ${forgeId}`}</span>
        {suspension !== null && (
          <span class="reason">
            <Status tone="warning">Suspended</Status> <Ago at={suspension.at} />: {suspension.reason}
          </span>
        )}
        {!isListed && <span class="note">Not on the allow list: nothing of it is built</span>}
      </div>
      <div class="row-end note">
        <span>
          since <Ago at={createdAt} />
        </span>
        {slug !== null && <Usage owner={slug} />}
      </div>
      {slug !== null && (
        <a class="button small" href={limitsHref(slug)}>
          Limits
        </a>
      )}
      {slug !== null && <Suspension slug={slug} isSuspended={suspension !== null} reload={reload} />}
    </li>
  )
}

/** Stops builds and deploys: what is live goes on answering. */
function Suspension({ slug, isSuspended, reload }: { slug: string; isSuspended: boolean; reload: () => void }) {
  const [reason, setReason] = useState('')
  if (isSuspended) {
    return (
      <ConfirmButton
        label="Let it go on"
        title={`Let ${slug} build and deploy again?`}
        confirm="Let it go on"
        tone="primary"
        onConfirm={async () => {
          await call('setSuspension', { owner: slug, isSuspended: false })
          reload()
          return `${slug} may build and deploy again. What was stopped goes on.`
        }}
      >
        <p>What it pushed meanwhile is built now.</p>
      </ConfirmButton>
    )
  }
  return (
    <ConfirmButton
      label="Suspend"
      title={`Suspend ${slug}?`}
      confirm="Suspend it"
      tone="danger"
      onConfirm={async () => {
        await call('setSuspension', { owner: slug, isSuspended: true, reason })
        setReason('')
        reload()
        return `${slug} builds and deploys nothing from now on.`
      }}
    >
      <p>Nothing of it is built or deployed until you let it go on. Its functions go on answering.</p>
      <TextField label="Why: its people read this" required maxLength={200} value={reason} set={setReason} />
    </ConfirmButton>
  )
}

function Usage({ owner }: { owner: string }) {
  const { data } = useLoaded('getUsage', { owner })
  if (data === null) return null
  const { calls, builds, buildMinutes, functions, quotas } = data
  return (
    <>
      <span title="In the last 30 days">
        {functions} live · {calls} calls · {builds} builds, {Math.round(buildMinutes)} min
      </span>
      {quotas
        .filter(({ limit, used }) => limit !== null && used > 0)
        .map(({ name, what, used, limit, unit }) => (
          <span key={name} class={used >= (limit ?? 0) ? 'reason tone-warning errors' : ''}>
            {what}: {used} of {limit} {unit}
          </span>
        ))}
    </>
  )
}

/** A name that is taken or reserved cannot be given by itself; until then its builds wait. */
function NameForm({ id, login, reload }: { id: string; login: string; reload: () => void }) {
  const [slug, setSlug] = useState('')
  const { isRunning, run } = useAction()
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault()
        run(async () => {
          await call('setOwnerSlug', { id, slug })
          reload()
          return `${login} is called ${slug} here.`
        })
      }}
    >
      <label>
        A name for {login}
        <input required value={slug} onInput={(event) => setSlug(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button" disabled={isRunning}>
        Give it
      </button>
    </form>
  )
}
