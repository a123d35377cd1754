import type { RepositoryView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { ActionForm, Check, Choice, TextField } from '../parts/form.tsx'
import { type AccessChoice, accessChoices } from '../words/access.ts'

const policies = [
  ['wait', 'let it end and go live, then build the newest'],
  ['override', 'stop it and build the newest']
] as const

/** How the repository is built and deployed, and who sees and calls what comes of it. */
export function RepositorySettings({ one, reload }: { one: RepositoryView; reload: () => void }) {
  const [branch, setBranch] = useState(one.branch ?? '')
  const [stackPath, setStackPath] = useState(one.stackPath ?? '')
  const [policy, setPolicy] = useState(one.policy)
  const [isAtomic, setAtomic] = useState(one.isAtomic)
  const [isAutomatic, setAutomatic] = useState(one.isAutomatic)
  const [hasPublicPages, setPublicPages] = useState(one.hasPublicPages)
  const accessNow: AccessChoice = one.access ?? 'inherited'
  const [access, setAccess] = useState(accessNow)
  const settings = {
    branch: branch.trim() || null,
    stackPath: stackPath.trim() || null,
    policy,
    isAtomic,
    isAutomatic,
    hasPublicPages
  }
  const isChanged = (Object.keys(settings) as (keyof typeof settings)[]).some((key) => settings[key] !== one[key])
  return (
    <ActionForm
      label="Save"
      busy="Saving"
      isDisabled={!isChanged && access === accessNow}
      onSubmit={async () => {
        if (isChanged) await call('updateRepository', { id: one.id, ...settings })
        if (access !== accessNow && one.owner !== null) {
          const wanted = access === 'inherited' ? null : access
          await call('setDefaultAccess', { owner: one.owner, repository: one.id, access: wanted })
        }
        reload()
        if (isAutomatic && !one.isAutomatic)
          return 'Saved. Pushes are deployed again; one that was left out is deployed now.'
        return 'Saved. How it is built holds from the next push on.'
      }}
    >
      <Check
        label="Deploy pushes by themselves; otherwise each waits here until somebody deploys it"
        value={isAutomatic}
        set={setAutomatic}
      />
      <TextField label="Production branch" placeholder={one.defaultBranch} value={branch} set={setBranch} />
      <TextField label="Stack file" placeholder="stack.yml" value={stackPath} set={setStackPath} />
      <Choice label="When the branch moves on while a build runs" value={policy} set={setPolicy} options={policies} />
      <Choice
        label="May call its functions that do not say so themselves"
        value={access}
        set={setAccess}
        options={accessChoices}
      />
      <Check label="All functions go live together, or none" value={isAtomic} set={setAtomic} />
      <Check
        label={`Everybody may see its builds, logs and functions${one.isPrivate ? ', once it is not private at its forge' : ''}`}
        value={hasPublicPages}
        set={setPublicPages}
      />
    </ActionForm>
  )
}
