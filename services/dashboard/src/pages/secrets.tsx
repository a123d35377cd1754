import type { SecretView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { ActionForm, TextField } from '../parts/form.tsx'
import { Listing } from '../parts/listing.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'

/** Names and keys of secrets; values go in and never come out. */
export function SecretsPage({ owner }: { owner: string }) {
  const secrets = useLoaded('listSecrets', { owner }, (event) => event.owner === owner && event.kind === 'build')
  const may = useMay()
  return (
    <div class="page">
      <PageHead
        title="Secrets"
        note="Files that functions read. They are kept encrypted, and nobody is shown their values again."
      />
      {may('putSecret', { owner }) && (
        <Section title="Put one" note="Replaces all values of a secret that is there.">
          <SecretForm owner={owner} reload={secrets.reload} />
        </Section>
      )}
      <Section title="There now">
        <Listing
          of={secrets}
          empty={
            <Empty title="No secrets">
              <p>
                Put one here, or seal one into the repository with <code>kubeseal</code>. A function gets those that its{' '}
                <code>stack.yml</code> lists under <code>secrets:</code>.
              </p>
            </Empty>
          }
        >
          {(one) => <SecretRow key={one.name} owner={owner} one={one} reload={secrets.reload} />}
        </Listing>
      </Section>
    </div>
  )
}

function SecretForm({ owner, reload }: { owner: string; reload: () => void }) {
  const [name, setName] = useState('')
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  return (
    <ActionForm
      label="Put"
      busy="Putting it"
      onSubmit={async () => {
        const { isChanged, redeploys } = await call('putSecret', {
          owner,
          name,
          values: { [key.trim() || name]: value }
        })
        setValue('')
        reload()
        if (!isChanged) return `${name} had this value already.`
        return redeploys.length === 0 ? `${name} is kept.` : `${name} is kept, and its functions are deployed again.`
      }}
    >
      <TextField label="Name" required pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" value={name} set={setName} />
      <TextField label="File name" placeholder={name || 'the same'} value={key} set={setKey} />
      <label>
        Value
        <textarea
          rows={3}
          required
          spellcheck={false}
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
        />
      </label>
    </ActionForm>
  )
}

function SecretRow({ owner, one, reload }: { owner: string; one: SecretView; reload: () => void }) {
  const may = useMay()
  const { name, origin, keys, repository, versionId, updatedAt } = one
  return (
    <li class="row">
      <div class="row-main">
        <code class="strong">{name}</code>
        <span class="note clip">
          {keys.join(', ')} · version {versionId.slice(-6)} ·{' '}
          {origin === 'sealed' ? `sealed in ${repository ?? 'a repository'}` : 'put by API'} · <Ago at={updatedAt} />
        </span>
      </div>
      {origin === 'api' && may('removeSecret', { owner }) && (
        <ConfirmButton
          label="Remove"
          title={`Remove the secret ${name}?`}
          confirm="Remove it"
          tone="danger"
          onConfirm={async () => {
            const { message } = await call('removeSecret', { owner, name })
            reload()
            return message
          }}
        >
          <p>Its values are gone then. It is refused while a function uses it.</p>
        </ConfirmButton>
      )}
    </li>
  )
}
