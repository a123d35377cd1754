import type { VariableView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { ActionForm, Choice, TextField } from '../parts/form.tsx'
import { Listing } from '../parts/listing.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'

/** Values outside git: of the owner, of a repository, of a function. */
export function VariablesPage({ owner }: { owner: string }) {
  const variables = useLoaded('listVariables', { owner }, (event) => event.owner === owner && event.kind === 'build')
  const repositories = useLoaded('listRepositories', { owner, limit: 200 })
  const functions = useLoaded('listFunctions', { owner, limit: 200 })
  const nameOf = (id: string | null) =>
    repositories.data?.items.find((one) => one.id === id)?.fullName ?? 'a repository'
  const scopes = [
    ['', `all of ${owner}`],
    ...(repositories.data?.items ?? []).map(({ id, fullName }) => [`repository ${id}`, fullName]),
    ...(functions.data?.items ?? []).map(({ name }) => [`function ${name}`, `function ${name}`])
  ] as [string, string][]
  return (
    <div class="page">
      <PageHead
        title="Variables"
        note="A function's own come before its repository's, the owner's, and stack.yml's. A change deploys what it concerns again, without a build."
      />
      <Section title="Set one">
        <VariableForm owner={owner} scopes={scopes} reload={variables.reload} />
      </Section>
      <Section title="Set now">
        <Listing
          of={variables}
          empty={
            <Empty title="No variables are set">
              <p>
                Values that differ between installations, and that no git history should hold, belong here. Passwords
                belong under Secrets.
              </p>
            </Empty>
          }
        >
          {(one) => (
            <VariableRow
              key={`${one.scope} ${one.repositoryId} ${one.function} ${one.use} ${one.name}`}
              owner={owner}
              one={one}
              of={one.scope === 'owner' ? `all of ${owner}` : (one.function ?? nameOf(one.repositoryId))}
              reload={variables.reload}
            />
          )}
        </Listing>
      </Section>
    </div>
  )
}

function scopeOf(text: string): { repository?: string; function?: string } {
  const [kind, name = ''] = text.split(' ')
  if (kind === 'repository') return { repository: name }
  return kind === 'function' ? { function: name } : {}
}

const uses = [
  ['runtime', 'when it runs'],
  ['build', 'in stack.yml']
] as const

const told = (builds: unknown[]) =>
  builds.length === 0
    ? 'Nothing that is live uses it.'
    : `${builds.length === 1 ? 'One deployment follows' : `${builds.length} deployments follow`} by itself.`

function VariableForm({ owner, scopes, reload }: { owner: string; scopes: [string, string][]; reload: () => void }) {
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const [scope, setScope] = useState('')
  const [use, setUse] = useState<'runtime' | 'build'>('runtime')
  return (
    <ActionForm
      isInline
      label="Set"
      busy="Setting it"
      onSubmit={async () => {
        const { builds } = await call('changeVariables', { owner, ...scopeOf(scope), use, set: { [name]: value } })
        setName('')
        setValue('')
        reload()
        return `${name} is set. ${told(builds)}`
      }}
    >
      <TextField label="Name" required pattern="[A-Za-z_][A-Za-z0-9_]*" value={name} set={setName} />
      <TextField label="Value" value={value} set={setValue} />
      <Choice label="For" value={scope} set={setScope} options={scopes} />
      <Choice label="Used" value={use} set={setUse} options={uses} />
    </ActionForm>
  )
}

function VariableRow({ owner, one, of, reload }: { owner: string; one: VariableView; of: string; reload: () => void }) {
  const { name, value, use, updatedAt, updatedBy, repositoryId, function: functionName } = one
  const scope = {
    ...(repositoryId === null ? {} : { repository: repositoryId }),
    ...(functionName === null ? {} : { function: functionName })
  }
  return (
    <li class="row">
      <div class="row-main">
        <code class="clip">
          <span class="strong">{name}</span>={value}
        </code>
        <span class="note clip">
          {of} · {use === 'build' ? 'in stack.yml' : 'when it runs'} · {updatedBy} <Ago at={updatedAt} />
        </span>
      </div>
      <ConfirmButton
        label="Remove"
        title={`Remove ${name}?`}
        confirm="Remove it"
        tone="danger"
        onConfirm={async () => {
          const { builds } = await call('changeVariables', { owner, ...scope, use, remove: [name] })
          reload()
          return `${name} is removed. ${told(builds)}`
        }}
      >
        <p>
          Functions that run with it are deployed again without it, or with what stands below it. The value is not kept.
        </p>
      </ConfirmButton>
    </li>
  )
}
