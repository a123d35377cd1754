import type { OwnerView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { ownerHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { usePages } from '../live/use-pages.ts'
import { More } from '../parts/more.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'

export function AdminOwners() {
  const input = { limit: 100 }
  const owners = useLoaded('listOwners', input, ({ kind }) => kind === 'delivery')
  const pages = usePages('listOwners', input, owners.data?.next ?? null)
  return (
    <Section title="Owners" note="Accounts and groups at the forges, and the name that each has here.">
      <Show of={owners}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nobody has pushed yet" />
          ) : (
            <>
              <ul class="rows">
                {[...items, ...pages.items].map((one) => (
                  <OwnerRow key={one.id} one={one} reload={owners.reload} />
                ))}
              </ul>
              <More pages={pages} />
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
      <div class="row-main">
        {slug === null ? (
          <NameForm id={id} login={login} reload={reload} />
        ) : (
          <a href={ownerHref(slug)} class="strong">
            {slug}
          </a>
        )}
        <span class="note">
          {login} at {forgeId}
        </span>
        {suspension !== null && <span class="note">Suspended: {suspension.reason}</span>}
        {!isListed && <span class="note">Not on the allow list: nothing of it is built</span>}
      </div>
      <div class="row-end note">
        <span>
          since <Ago at={createdAt} />
        </span>
        {slug !== null && <Usage owner={slug} />}
      </div>
    </li>
  )
}

function Usage({ owner }: { owner: string }) {
  const { data } = useLoaded('getUsage', { owner })
  if (data === null) return null
  const { calls, builds, buildMinutes, functions } = data
  return (
    <span title="In the last 30 days">
      {functions} live · {calls} calls · {builds} builds, {Math.round(buildMinutes)} min
    </span>
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
