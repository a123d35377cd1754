import type { DeploymentView } from '@slipway/client'
import { useLocation } from 'preact-iso'
import { buildHref, functionHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useList } from '../live/use-list.ts'
import { useMay } from '../live/use-may.ts'
import { Commit } from '../parts/commit.tsx'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { DeploymentDiff } from '../parts/deployment-diff.tsx'
import { More } from '../parts/more.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { gistOf, shortCommit, type Tone } from '../words/build.ts'
import type { FunctionTab } from './function.tsx'

const states: Record<DeploymentView['status'], { word: string; tone: Tone }> = {
  starting: { word: 'Starting', tone: 'busy' },
  live: { word: 'Live', tone: 'good' },
  draining: { word: 'Draining', tone: 'waiting' },
  ended: { word: 'Ended', tone: 'quiet' },
  failed: { word: 'Failed', tone: 'bad' }
}

/** Every version that there was; any two can be compared, and one that was live made live again. */
export function FunctionDeployments({ one: { owner, name, live, repositoryId } }: FunctionTab) {
  const mayRollBack = useMay()('rollback', { owner, repositoryId })
  const { query, route } = useLocation()
  const input = { owner, name, limit: 30 }
  const deployments = useList('listDeployments', input, (event) => event.owner === owner && event.kind !== 'delivery')
  const all = deployments.data?.items ?? []
  const chosen = (query.compare ?? '').split(',').filter((id) => id !== '')
  const choose = (id: string, isChosen: boolean) => {
    const next = isChosen ? [...chosen, id].slice(-2) : chosen.filter((one) => one !== id)
    const href = functionHref(owner, name, 'deployments')
    route(next.length === 0 ? href : `${href}?compare=${next.join(',')}`, true)
  }
  const pair = all.filter(({ id }) => chosen.includes(id))
  const [newer, older] = pair
  return (
    <Section
      title="Deployments"
      note={newer !== undefined && older !== undefined ? undefined : 'Choose two to see what differs between them.'}
    >
      {newer !== undefined && older !== undefined && (
        <DeploymentDiff from={older} to={newer} clear={() => route(functionHref(owner, name, 'deployments'), true)} />
      )}
      <Show of={deployments}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="It was never deployed">
              <p>The first push that builds it makes a deployment.</p>
            </Empty>
          ) : (
            <>
              <ul class="rows">
                {all.map((deployment) => (
                  <DeploymentRow
                    key={deployment.id}
                    deployment={deployment}
                    live={live}
                    mayRollBack={mayRollBack}
                    isChosen={chosen.includes(deployment.id)}
                    choose={(isChosen) => choose(deployment.id, isChosen)}
                  />
                ))}
              </ul>
              <More pages={deployments.pages} />
            </>
          )
        }
      </Show>
    </Section>
  )
}

function DeploymentRow({
  deployment,
  live,
  mayRollBack,
  isChosen,
  choose
}: {
  deployment: DeploymentView
  live: DeploymentView | null
  mayRollBack: boolean
  isChosen: boolean
  choose: (isChosen: boolean) => void
}) {
  const { status, commit, buildId, image, createdAt, liveAt, endedAt, reason, generation } = deployment
  const { word, tone } = states[status]
  const title = commit === null ? 'by API' : shortCommit(commit)
  return (
    <li class="row deployment-row">
      <input
        type="checkbox"
        checked={isChosen}
        aria-label={`Compare deployment ${title} of generation ${generation}`}
        onChange={(event) => choose(event.currentTarget.checked)}
      />
      <Status tone={tone}>{word}</Status>
      <div class="row-main">
        <span class="clip">
          {commit === null ? 'deployed by API' : <Commit commit={commit} />}{' '}
          <span class="note">
            generation {generation} · image <code title={image.digest}>{image.digest.slice(7, 19)}</code>
            {buildId !== null && (
              <>
                {' · '}
                <a href={buildHref(buildId)}>build</a>
              </>
            )}
          </span>
        </span>
        {reason !== null && <span class="reason">{gistOf(reason)}</span>}
      </div>
      <div class="row-end note">
        <span>{liveAt === null ? <Ago at={createdAt} /> : <Ago at={liveAt} />}</span>
        {mayRollBack && status === 'ended' && liveAt !== null && endedAt !== null && (
          <Rollback to={deployment} live={live} />
        )}
      </div>
    </li>
  )
}

/** Says exactly what happens, in both directions. */
function Rollback({ to, live }: { to: DeploymentView; live: DeploymentView | null }) {
  const { route } = useLocation()
  const { owner, function: name, commit, id } = to
  const target = commit === null ? 'this deployment' : `commit ${shortCommit(commit)}`
  return (
    <ConfirmButton
      label="Roll back to this"
      title={`Make ${target} live again?`}
      confirm="Roll back"
      onConfirm={async () => {
        const build = await call('rollback', { owner, name, deploymentId: id })
        route(buildHref(build.id))
        return `${name} is being rolled back to ${target}.`
      }}
    >
      <p>
        {name} gets this image with the environment and the secrets that it had then. Nothing is built; calls move over
        without one being dropped{live?.commit == null ? '' : `, away from ${shortCommit(live.commit)}`}.
      </p>
      <p>From then on pushes do not deploy {name} until somebody resumes it.</p>
    </ConfirmButton>
  )
}
