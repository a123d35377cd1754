import type { TokenView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { CopyField } from '../parts/copy.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'

const scopes: Record<TokenView['scope'], string> = {
  read: 'read: see everything of it',
  deploy: 'deploy: also build, roll back, pause, scale',
  admin: 'admin: also secrets, variables, settings, tokens'
}
const isScope = (text: string): text is TokenView['scope'] => Object.hasOwn(scopes, text)

export function TokensPage({ owner }: { owner: string }) {
  const tokens = useLoaded('listTokens', { owner })
  return (
    <div class="page">
      <PageHead title="Tokens" note={`For programs that act for ${owner}: the command line, CI, scripts.`} />
      <Section title="Make one">
        <TokenForm owner={owner} reload={tokens.reload} />
      </Section>
      <Section title="Valid now">
        <Show of={tokens}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No tokens">
                <p>
                  Make one above and give it to <code>slipway login --token</code>, or send it as{' '}
                  <code>Authorization: Bearer …</code>.
                </p>
              </Empty>
            ) : (
              <ul class="rows">
                {items.map((one) => (
                  <TokenRow key={one.id} one={one} reload={tokens.reload} />
                ))}
              </ul>
            )
          }
        </Show>
      </Section>
    </div>
  )
}

function TokenForm({ owner, reload }: { owner: string; reload: () => void }) {
  const [name, setName] = useState('')
  const [scope, setScope] = useState<TokenView['scope']>('deploy')
  const [days, setDays] = useState(90)
  const [secret, setSecret] = useState<string | null>(null)
  const { isRunning, run } = useAction()
  if (secret !== null) {
    return (
      <div class="problem tone-good" role="status">
        <strong>Copy it now</strong>
        <p>It is shown this once: only its hash is kept.</p>
        <CopyField label="the token" text={secret} />
        <button type="button" class="button small" onClick={() => setSecret(null)}>
          Done
        </button>
      </div>
    )
  }
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault()
        run(async () => {
          const { secret } = await call('createToken', { owner, name, scope, expiresInDays: days })
          setSecret(secret)
          setName('')
          reload()
          return null
        })
      }}
    >
      <label>
        Name
        <input
          required
          maxLength={80}
          placeholder="laptop"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label>
        It may
        <select value={scope} onChange={({ currentTarget: { value } }) => isScope(value) && setScope(value)}>
          {Object.entries(scopes).map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label>
        Days that it is valid
        <input
          type="number"
          min={1}
          max={366}
          required
          value={days}
          onInput={(event) => setDays(event.currentTarget.valueAsNumber)}
        />
      </label>
      <button type="submit" class="button primary" disabled={isRunning}>
        {isRunning ? 'Making it' : 'Make a token'}
      </button>
    </form>
  )
}

function TokenRow({ one, reload }: { one: TokenView; reload: () => void }) {
  const { id, owner, name, scope, createdBy, createdAt, expiresAt, lastUsedAt } = one
  return (
    <li class="row">
      <div class="row-main">
        <span class="strong clip">{name}</span>
        <span class="note clip">
          {scope} · by {createdBy} <Ago at={createdAt} /> ·{' '}
          {lastUsedAt === null ? (
            'never used'
          ) : (
            <>
              used <Ago at={lastUsedAt} />
            </>
          )}{' '}
          · expires <Ago at={expiresAt} />
        </span>
      </div>
      <ConfirmButton
        label="Revoke"
        title={`Revoke ${name}?`}
        confirm="Revoke it"
        tone="danger"
        onConfirm={async () => {
          const { message } = await call('revokeToken', { owner, id })
          reload()
          return message
        }}
      >
        <p>What uses it is refused from now on, and so are tokens that were made with it. It cannot be brought back.</p>
      </ConfirmButton>
    </li>
  )
}
