import type { ComparisonView, DeploymentView } from '@slipway/client'
import { useLoaded } from '../live/use-loaded.ts'
import { Show } from './states.tsx'

/** What differs between two deployments of a function: commit, image, configuration. */
export function DeploymentDiff({ from, to, clear }: { from: DeploymentView; to: DeploymentView; clear: () => void }) {
  const { owner, function: name } = to
  const comparison = useLoaded('compareDeployments', { owner, name, from: from.id, to: to.id })
  return (
    <div class="diff">
      <div class="section-head">
        <h3>
          Generation {from.generation} <span aria-label="to">→</span> {to.generation}
        </h3>
        <div class="actions">
          <button type="button" class="button small" onClick={clear}>
            Close
          </button>
        </div>
      </div>
      <Show of={comparison}>{({ differences }) => <DiffTable differences={differences} />}</Show>
    </div>
  )
}

function DiffTable({ differences }: Pick<ComparisonView, 'differences'>) {
  if (differences.length === 0) return <p class="note">They are the same in commit, image and configuration.</p>
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="What differs">
      <table class="table">
        <thead>
          <tr>
            <th>What</th>
            <th>Before</th>
            <th>After</th>
          </tr>
        </thead>
        <tbody>
          {differences.map(({ name, before, after }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{before === null ? <span class="note">not set</span> : <del>{before}</del>}</td>
              <td>{after === null ? <span class="note">not set</span> : <ins>{after}</ins>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
