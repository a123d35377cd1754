import type { SecretView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'

/** Names and keys of secrets; values go in and never come out. */
export function SecretsPage({ owner }: { owner: string }) {
  const secrets = useLoaded('listSecrets', { owner }, (event) => event.owner === owner && event.kind === 'build')
  return (
    <div class="page">
      <PageHead
        title="Secrets"
        note="Files that functions read. They are kept encrypted, and nobody is shown their values again."
      />
      <Section title="Put one" note="Replaces all values of a secret that is there.">
        <SecretForm owner={owner} reload={secrets.reload} />
      </Section>
      <Section title="There now">
        <Show of={secrets}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No secrets">
                <p>
                  Put one here, or seal one into the repository with <code>kubeseal</code>. A function gets those that
                  its <code>stack.yml</code> lists under <code>secrets:</code>.
                </p>
              </Empty>
            ) : (
              <ul class="rows">
                {items.map((one) => (
                  <SecretRow key={one.name} owner={owner} one={one} reload={secrets.reload} />
                ))}
              </ul>
            )
          }
        </Show>
      </Section>
    </div>
  )
}

function SecretForm({ owner, reload }: { owner: string; reload: () => void }) {
  const [name, setName] = useState('')
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const { isRunning, run } = useAction()
  return (
    <form
      class="form"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        run(async () => {
          const { isChanged, redeploys } = await call('putSecret', {
            owner,
            name,
            values: { [key.trim() || name]: value }
          })
          setValue('')
          reload()
          if (!isChanged) return `${name} had this value already.`
          return redeploys.length === 0 ? `${name} is kept.` : `${name} is kept, and its functions are deployed again.`
        })
      }}
    >
      <label>
        Name
        <input
          required
          pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        File name
        <input value={key} placeholder={name || 'the same'} onInput={(event) => setKey(event.currentTarget.value)} />
      </label>
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
      <button type="submit" class="button primary" disabled={isRunning}>
        {isRunning ? 'Putting it' : 'Put'}
      </button>
    </form>
  )
}

function SecretRow({ owner, one, reload }: { owner: string; one: SecretView; reload: () => void }) {
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
      {origin === 'api' && (
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
