import type { RepositoryView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useAction } from '../parts/use-action.ts'

export function RepositorySettings({ one, reload }: { one: RepositoryView; reload: () => void }) {
  const [branch, setBranch] = useState(one.branch ?? '')
  const [stackPath, setStackPath] = useState(one.stackPath ?? '')
  const [policy, setPolicy] = useState(one.policy)
  const [isAtomic, setAtomic] = useState(one.isAtomic)
  const { isRunning, run } = useAction()
  const isChanged =
    branch !== (one.branch ?? '') ||
    stackPath !== (one.stackPath ?? '') ||
    policy !== one.policy ||
    isAtomic !== one.isAtomic
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        run(async () => {
          await call('updateRepository', {
            id: one.id,
            branch: branch.trim() || null,
            stackPath: stackPath.trim() || null,
            policy,
            isAtomic
          })
          reload()
          return 'Saved. It holds from the next push on.'
        })
      }}
    >
      <label>
        Production branch
        <input
          value={branch}
          placeholder={one.defaultBranch}
          onInput={(event) => setBranch(event.currentTarget.value)}
        />
      </label>
      <label>
        Stack file
        <input value={stackPath} placeholder="stack.yml" onInput={(event) => setStackPath(event.currentTarget.value)} />
      </label>
      <label>
        When the branch moves on while a build runs
        <select
          value={policy}
          onChange={(event) => setPolicy(event.currentTarget.value === 'wait' ? 'wait' : 'override')}
        >
          <option value="wait">let it end and go live, then build the newest</option>
          <option value="override">stop it and build the newest</option>
        </select>
      </label>
      <label class="check">
        <input type="checkbox" checked={isAtomic} onChange={(event) => setAtomic(event.currentTarget.checked)} />
        All functions go live together, or none
      </label>
      <button type="submit" class="button primary" disabled={!isChanged || isRunning}>
        {isRunning ? 'Saving' : 'Save'}
      </button>
    </form>
  )
}
