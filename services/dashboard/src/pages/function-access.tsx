import type { AccessView, FunctionKeyView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { CopyField } from '../parts/copy.tsx'
import { CredentialForm, CredentialRow } from '../parts/credential.tsx'
import { ActionForm, Check, Choice, NumberField, TextField } from '../parts/form.tsx'
import { Listing } from '../parts/listing.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { type AccessChoice, accessChoices, accessSources, accessWords } from '../words/access.ts'
import type { FunctionTab } from './function.tsx'

/** Who may call the function, and the keys that open it. */
export function FunctionAccess({ one: { owner, name, repositoryId, url } }: FunctionTab) {
  const may = useMay()
  const access = useLoaded('getAccess', { owner, name }, (event) => event.owner === owner && event.kind === 'function')
  return (
    <>
      <Section title="Who may call it" note="Functions of one owner reach each other whatever this says.">
        <Show of={access} rows={1}>
          {(view) => (
            <>
              <p class="standing">
                <span class="strong">{accessWords[view.access]}</span>{' '}
                <span class="note">({accessSources[view.source]})</span>
              </p>
              {may('setAccess', { owner, repositoryId }) && (
                <AccessForm key={`${view.access} ${view.source}`} {...{ owner, name, view }} reload={access.reload} />
              )}
              {view.access !== 'public' && url !== null && (
                <div class="stacked after">
                  <CopyField label="how to call it with a key" text={`curl -H 'x-api-key: slf_…' ${url}`} />
                </div>
              )}
            </>
          )}
        </Show>
      </Section>
      {may('listFunctionKeys', { owner }) && <Keys owner={owner} name={name} />}
    </>
  )
}

function AccessForm({
  owner,
  name,
  view,
  reload
}: {
  owner: string
  name: string
  view: AccessView
  reload: () => void
}) {
  const now: AccessChoice = view.source === 'function' ? view.access : 'inherited'
  const [wanted, setWanted] = useState<AccessChoice>(now)
  return (
    <ActionForm
      isInline
      label="Save"
      busy="Saving"
      isDisabled={wanted === now}
      onSubmit={async () => {
        const { access } = await call('setAccess', { owner, name, access: wanted === 'inherited' ? null : wanted })
        reload()
        return `From now on ${accessWords[access]} may call ${name}.`
      }}
    >
      <Choice label="May call" value={wanted} set={setWanted} options={accessChoices} />
    </ActionForm>
  )
}

function Keys({ owner, name }: { owner: string; name: string }) {
  const keys = useLoaded('listFunctionKeys', { owner })
  const opening = (keys.data?.items ?? []).filter((one) => one.function === null || one.function === name)
  const shown = { ...keys, data: keys.data === null ? null : { items: opening } }
  return (
    <>
      <Section title="Make a key" note="It opens functions that are not public, and does nothing else.">
        <KeyForm owner={owner} name={name} reload={keys.reload} />
      </Section>
      <Section title="Keys that open it">
        <Listing
          of={shown}
          empty={
            <Empty title="No keys">
              <p>While everybody may call it none is needed.</p>
            </Empty>
          }
        >
          {(one) => <KeyRow key={one.id} owner={owner} one={one} reload={keys.reload} />}
        </Listing>
      </Section>
    </>
  )
}

const scopes = (owner: string, name: string) =>
  [
    ['one', `${name} alone`],
    ['all', `all functions of ${owner}`]
  ] as const

function KeyForm({ owner, name: functionName, reload }: { owner: string; name: string; reload: () => void }) {
  const [name, setName] = useState('')
  const [scope, setScope] = useState<'one' | 'all'>('one')
  const [isOwn, setOwn] = useState(false)
  const [days, setDays] = useState(365)
  return (
    <CredentialForm
      what="key"
      make={async () => {
        const { key } = await call('createFunctionKey', {
          owner,
          name,
          isOwn,
          expiresInDays: days,
          ...(scope === 'one' ? { function: functionName } : {})
        })
        setName('')
        reload()
        return key
      }}
    >
      <TextField label="Name" required maxLength={100} placeholder="partner" value={name} set={setName} />
      <Choice label="Opens" value={scope} set={setScope} options={scopes(owner, functionName)} />
      <NumberField label="Days that it is valid" min={1} max={3650} value={days} set={setDays} />
      <Check label="of the owner’s own programs" value={isOwn} set={setOwn} />
    </CredentialForm>
  )
}

function KeyRow({ owner, one, reload }: { owner: string; one: FunctionKeyView; reload: () => void }) {
  const { id, name, function: only, isOwn, createdBy, createdAt, expiresAt } = one
  return (
    <CredentialRow
      name={name}
      note={
        <>
          {only === null ? `all functions of ${owner}` : `${only} alone`}
          {isOwn && ', also those for the owner’s own programs'} · by {createdBy} <Ago at={createdAt} /> ·{' '}
          {expiresAt === null ? (
            'never expires'
          ) : (
            <>
              expires <Ago at={expiresAt} />
            </>
          )}
        </>
      }
      consequence="Whoever has it is refused within a second."
      revoke={async () => {
        const { message } = await call('revokeFunctionKey', { owner, id })
        reload()
        return `${message}.`
      }}
    />
  )
}
