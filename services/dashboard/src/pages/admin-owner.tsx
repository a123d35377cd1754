import type { LimitsView } from '@slipway/client'
import { type LimitName, limitKinds, limitNames } from '@slipway/domain/limits'
import { useState } from 'preact/hooks'
import { adminHref, ownerHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMe } from '../live/use-me.ts'
import { ActionForm } from '../parts/form.tsx'
import { Meter } from '../parts/meter.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Show } from '../parts/states.tsx'
import { choicesOf, type LimitChoice, type LimitMode, limitWords, ownOf } from '../words/limits.ts'
import { NotFoundPage } from './not-found.tsx'

/** What an owner may have, beside what it has. */
export function AdminOwnerPage({ owner }: { owner: string }) {
  const { isAdministrator } = useMe()
  const limits = useLoaded('getLimits', { owner })
  const usage = useLoaded('getUsage', { owner }, (event) => event.owner === owner)
  if (!isAdministrator) return <NotFoundPage />
  const used = new Map<LimitName, number>((usage.data?.quotas ?? []).map((one) => [one.name, one.used]))
  return (
    <div class="page">
      <PageHead
        title={`Limits of ${owner}`}
        note={
          <>
            <a href={adminHref('owners')}>All owners</a> · <a href={ownerHref(owner)}>What it has here</a>
          </>
        }
      />
      <Section
        title="What it may have"
        note="What it has already stays when a limit is lowered: only what would grow is refused, with the number and how it is raised."
      >
        <Show of={limits} rows={6}>
          {(view) => <LimitsForm key={JSON.stringify(view.own)} {...{ owner, view, used }} reload={limits.reload} />}
        </Show>
      </Section>
    </div>
  )
}

function LimitsForm({
  owner,
  view,
  used,
  reload
}: {
  owner: string
  view: LimitsView
  used: ReadonlyMap<LimitName, number>
  reload: () => void
}) {
  const [choices, setChoices] = useState(() => choicesOf(view))
  const own = ownOf(choices)
  const isSame = JSON.stringify(own) === JSON.stringify(ownOf(choicesOf(view)))
  return (
    <ActionForm
      label="Save"
      busy="Saving"
      className="limits-form"
      isDisabled={isSame}
      onSubmit={async () => {
        await call('setLimits', { owner, own })
        reload()
        return `From now on these limits hold for ${owner}.`
      }}
    >
      <ul class="rows">
        {limitNames.map((name) => (
          <LimitRow
            key={name}
            name={name}
            used={used.get(name)}
            usual={view.defaults[name]}
            choice={choices[name]}
            set={(choice) => setChoices({ ...choices, [name]: choice })}
          />
        ))}
      </ul>
    </ActionForm>
  )
}

const modes = ['default', 'none', 'own'] as const satisfies readonly LimitMode[]

function LimitRow({
  name,
  used,
  usual,
  choice: { mode, value },
  set
}: {
  name: LimitName
  used: number | undefined
  usual: number | null
  choice: LimitChoice
  set: (choice: LimitChoice) => void
}) {
  const { what, least } = limitKinds[name]
  const most = mode === 'default' ? usual : mode === 'none' ? null : value
  const words: Record<LimitMode, string> = {
    default: `as everybody: ${limitWords(name, usual)}`,
    none: 'no limit',
    own: 'set for it'
  }
  return (
    <li class="row limit-row">
      <div class="row-main">
        <span class="strong">{what}</span>
        <span class="note">{used === undefined ? 'of each' : `has ${limitWords(name, used)}`}</span>
      </div>
      {used !== undefined && most !== null && Number.isFinite(most) && (
        <Meter label={`Used of ${what}`} value={used} most={most} isOver={used > most} />
      )}
      <div class="limit-choice">
        <select
          aria-label={`${what}: which limit`}
          value={mode}
          onChange={({ currentTarget }) => set({ mode: modes[currentTarget.selectedIndex] ?? 'default', value })}
        >
          {modes.map((one) => (
            <option key={one} value={one}>
              {words[one]}
            </option>
          ))}
        </select>
        {mode === 'own' && (
          <input
            type="number"
            required
            min={least}
            max={1_000_000_000}
            aria-label={`${what}: at most`}
            value={Number.isNaN(value) ? '' : value}
            onInput={({ currentTarget }) => set({ mode, value: currentTarget.valueAsNumber })}
          />
        )}
      </div>
    </li>
  )
}
