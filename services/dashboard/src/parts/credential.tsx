import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { ConfirmButton } from './confirm-button.tsx'
import { ActionForm } from './form.tsx'
import { ShownOnce } from './shown-once.tsx'

/** The form of something that is shown only once, in whose place it is shown then. */
export function CredentialForm({
  what,
  make,
  children
}: {
  /** `token`, `key`. */
  what: string
  /** Resolves to what is shown. */
  make: () => Promise<string>
  children: ComponentChildren
}) {
  const [made, setMade] = useState<string | null>(null)
  if (made !== null) return <ShownOnce label={`the ${what}`} text={made} done={() => setMade(null)} />
  return (
    <ActionForm
      isInline
      label={`Make a ${what}`}
      busy="Making it"
      onSubmit={async () => {
        setMade(await make())
        return null
      }}
    >
      {children}
    </ActionForm>
  )
}

/** One that is there, and how it is revoked. */
export function CredentialRow({
  name,
  note,
  consequence,
  revoke
}: {
  name: string
  note: ComponentChildren
  /** What revoking it means. */
  consequence: string
  revoke: () => Promise<string>
}) {
  return (
    <li class="row">
      <div class="row-main">
        <span class="strong clip">{name}</span>
        <span class="note clip">{note}</span>
      </div>
      <ConfirmButton label="Revoke" title={`Revoke ${name}?`} confirm="Revoke it" tone="danger" onConfirm={revoke}>
        <p>{consequence} It cannot be brought back.</p>
      </ConfirmButton>
    </li>
  )
}
