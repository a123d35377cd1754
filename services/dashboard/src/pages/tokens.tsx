import type { TokenView } from '@slipway/client'
import { includesScope } from '@slipway/domain/rights'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { rightOf } from '../live/may.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMe } from '../live/use-me.ts'
import { CredentialForm, CredentialRow } from '../parts/credential.tsx'
import { Choice, NumberField, TextField } from '../parts/form.tsx'
import { Listing } from '../parts/listing.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'

const scopes = [
  ['deploy', 'deploy: see, build, roll back, pause, scale'],
  ['read', 'read: see everything of it'],
  ['admin', 'admin: also secrets, variables, settings, tokens']
] as const

export function TokensPage({ owner }: { owner: string }) {
  const tokens = useLoaded('listTokens', { owner })
  return (
    <div class="page">
      <PageHead title="Tokens" note={`For programs that act for ${owner}: the command line, CI, scripts.`} />
      <Section title="Make one" note="It never may more than you, and stops when you may nothing here any more.">
        <TokenForm owner={owner} reload={tokens.reload} />
      </Section>
      <Section title="Valid now">
        <Listing
          of={tokens}
          empty={
            <Empty title="No tokens">
              <p>
                Make one above and give it to <code>slipway login --token</code>, or send it as{' '}
                <code>Authorization: Bearer …</code>.
              </p>
            </Empty>
          }
        >
          {(one) => <TokenRow key={one.id} one={one} reload={tokens.reload} />}
        </Listing>
      </Section>
    </div>
  )
}

function TokenForm({ owner, reload }: { owner: string; reload: () => void }) {
  const right = rightOf(useMe(), owner)
  const offered = scopes.filter(([scope]) => includesScope(right, scope))
  const [name, setName] = useState('')
  const [scope, setScope] = useState<TokenView['scope']>(offered[0]?.[0] ?? 'read')
  const [days, setDays] = useState(90)
  return (
    <CredentialForm
      what="token"
      make={async () => {
        const { secret } = await call('createToken', { owner, name, scope, expiresInDays: days })
        setName('')
        reload()
        return secret
      }}
    >
      <TextField label="Name" required maxLength={80} placeholder="laptop" value={name} set={setName} />
      <Choice label="It may" value={scope} set={setScope} options={offered} />
      <NumberField label="Days that it is valid" min={1} max={366} value={days} set={setDays} />
    </CredentialForm>
  )
}

function TokenRow({ one, reload }: { one: TokenView; reload: () => void }) {
  const { id, owner, name, scope, createdBy, createdAt, expiresAt, lastUsedAt } = one
  return (
    <CredentialRow
      name={name}
      note={
        <>
          {scope} · by {createdBy} <Ago at={createdAt} /> ·{' '}
          {lastUsedAt === null ? (
            'never used'
          ) : (
            <>
              used <Ago at={lastUsedAt} />
            </>
          )}{' '}
          · expires <Ago at={expiresAt} />
        </>
      }
      consequence="What uses it is refused from now on, and so are tokens that were made with it."
      revoke={async () => {
        const { message } = await call('revokeToken', { owner, id })
        reload()
        return message
      }}
    />
  )
}
