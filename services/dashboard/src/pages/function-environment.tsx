import type { EnvironmentView } from '@slipway/client'
import { ownerHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { useAction } from '../parts/use-action.ts'
import type { FunctionTab } from './function.tsx'

/** What the function runs with: each value and where it comes from; its secrets by name. */
export function FunctionEnvironment({ one: { owner, name, live, repositoryId } }: FunctionTab) {
  const may = useMay()
  const environment = useLoaded('getEnvironment', { owner, name }, (event) => event.owner === owner)
  const { isRunning, run } = useAction()
  const redeploy = () =>
    run(async () => {
      await call('redeployFunction', { owner, name })
      return `${name} is deployed again with the values of now.`
    })
  return (
    <>
      <Section
        title="Variables"
        note={
          <>
            A function's own come before its repository's, the owner's, and stack.yml's.{' '}
            {may('listVariables', { owner }) && <a href={ownerHref(owner, 'variables')}>Change them</a>}
          </>
        }
      >
        <Show of={environment}>
          {({ runtime, isLiveOtherwise }) => (
            <>
              {isLiveOtherwise && (
                <div class="problem tone-warning">
                  <strong>The live deployment runs with other values</strong>
                  <p>They changed since. They take effect with the next deployment.</p>
                  {may('redeployFunction', { owner, repositoryId }) && (
                    <button type="button" class="button small" disabled={isRunning} onClick={redeploy}>
                      Deploy again now
                    </button>
                  )}
                </div>
              )}
              {runtime.length === 0 ? (
                <Empty title="No variables">
                  <p>
                    Set some under <a href={ownerHref(owner, 'variables')}>Variables</a>, or <code>environment:</code>{' '}
                    in stack.yml.
                  </p>
                </Empty>
              ) : (
                <ValueTable values={runtime} />
              )}
            </>
          )}
        </Show>
      </Section>
      <Section title="Secrets" note="Files that the function reads. Their values are never shown.">
        {live === null || live.secrets.length === 0 ? (
          <p class="note">
            It lists none. Name them under <code>secrets:</code> in stack.yml.
          </p>
        ) : (
          <ul class="rows">
            {live.secrets.map(({ name, versionId }) => (
              <li key={name} class="row">
                <code>{name}</code>
                <span class="note">version {versionId.slice(-6)}</span>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  )
}

function ValueTable({ values }: { values: EnvironmentView['runtime'] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Variables">
      <table class="table">
        <thead>
          <tr>
            <th>Name</th>
            <th>Value</th>
            <th>From</th>
          </tr>
        </thead>
        <tbody>
          {values.map(({ name, value, source, over }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <code>{value}</code>
                {over.map((former) => (
                  <div key={former.source} class="note">
                    instead of <del>{former.value}</del> of the {former.source}
                  </div>
                ))}
              </td>
              <td>{source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
