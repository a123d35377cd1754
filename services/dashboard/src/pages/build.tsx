import type { BuildDetail } from '@slipway/client'
import { useLocation } from 'preact-iso'
import { buildHref, functionHref, repositoryHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { BuildLogView } from '../log/log-view.tsx'
import { Commit } from '../parts/commit.tsx'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Show } from '../parts/states.tsx'
import { BuildState } from '../parts/status.tsx'
import { Ago, Lasted } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'
import { Waterfall } from '../parts/waterfall.tsx'
import { useTellOwner } from '../shell/shown-owner.ts'
import { branchOf, gistOf, isOver, shortCommit, triggerWord } from '../words/build.ts'
import { BuildProblem, BuildWarnings } from './build-problem.tsx'
import { BuildWait } from './build-wait.tsx'

export function BuildPage({ id }: { id: string }) {
  const build = useLoaded('getBuild', { id }, (event) => event.buildId === id)
  useTellOwner(build.data?.owner ?? null)
  const { reload } = build
  return (
    <div class="page">
      <Show of={build}>
        {(build) => (
          <>
            <PageHead
              title={build.message ?? `Build of ${shortCommit(build.commit)}`}
              note={<BuildNote build={build} />}
            >
              <BuildActions build={build} />
            </PageHead>
            <BuildProblem build={build} />
            <BuildWait build={build} reload={reload} />
            <BuildWarnings build={build} />
            <Section title="Steps">
              <Waterfall build={build} />
            </Section>
            {build.functions.length > 0 && (
              <Section title="Functions">
                <BuildFunctions build={build} />
              </Section>
            )}
            <Section title="Log">
              <BuildLogView
                buildId={id}
                functions={build.functions.map(({ name }) => name)}
                hasFailed={build.status === 'failed'}
              />
            </Section>
          </>
        )}
      </Show>
    </div>
  )
}

function BuildNote({ build }: { build: BuildDetail }) {
  const { owner, repository, repositoryId, status, ref, commit, sender, trigger, createdAt, startedAt } = build
  return (
    <>
      <BuildState status={status} />
      {' · '}
      {owner === null ? repository : <a href={repositoryHref(owner, repositoryId)}>{repository}</a>}
      {' · '}
      {branchOf(ref)} · <Commit commit={commit} url={build.commitUrl} /> · {sender ?? 'Slipway'} {triggerWord(trigger)}{' '}
      <Ago at={createdAt} />
      {startedAt !== null && (
        <>
          {' · '}
          <Lasted from={createdAt} to={build.finishedAt} />
        </>
      )}
      {build.attempt > 0 && ` · try ${build.attempt + 1}`}
    </>
  )
}

function BuildActions({ build: { id, status, commit, owner, repositoryId } }: { build: BuildDetail }) {
  const may = useMay()
  const { route } = useLocation()
  const { isRunning, run } = useAction()
  const about = { owner, repositoryId }
  if (!may(isOver(status) ? 'rebuild' : 'cancelBuild', about)) return null
  if (!isOver(status)) {
    return (
      <ConfirmButton
        label="Cancel"
        title="Stop this build?"
        confirm="Stop it"
        tone="danger"
        onConfirm={async () => {
          await call('cancelBuild', { id })
          return 'The build is being stopped.'
        }}
      >
        <p>It goes no step further and never goes live. What is live stays as it is.</p>
      </ConfirmButton>
    )
  }
  const rebuild = (noCache: boolean) =>
    run(async () => {
      const build = await call('rebuild', { id, noCache })
      route(buildHref(build.id))
      return `${shortCommit(commit)} is built again.`
    })
  return (
    <>
      <button type="button" class="button small" disabled={isRunning} onClick={() => rebuild(true)}>
        Build without cache
      </button>
      <button type="button" class="button small primary" disabled={isRunning} onClick={() => rebuild(false)}>
        Build again
      </button>
    </>
  )
}

const words: Record<BuildDetail['functions'][number]['status'], string> = {
  planned: 'waits',
  building: 'image is being built',
  built: 'image is ready',
  deploying: 'is being rolled out',
  live: 'live',
  failed: 'failed',
  cancelled: 'cancelled',
  skipped: 'left as it is',
  removed: 'removed: it left the stack'
}

function BuildFunctions({ build: { owner, functions } }: { build: BuildDetail }) {
  return (
    <ul class="rows">
      {functions.map(({ name, status, reason, image, isReused }) => (
        <li key={name} class="row">
          <div class="row-main">
            <span>
              {owner === null ? (
                <span class="strong">{name}</span>
              ) : (
                <a href={functionHref(owner, name)} class="strong">
                  {name}
                </a>
              )}{' '}
              <span class="note">
                {words[status]}
                {isReused && ', its image was known: nothing had to be built'}
              </span>
            </span>
            {reason !== null && <span class="reason">{gistOf(reason)}</span>}
          </div>
          {image !== null && (
            <code class="row-end note" title={`${image.repository}@${image.digest}`}>
              {image.digest.slice(7, 19)}
            </code>
          )}
        </li>
      ))}
    </ul>
  )
}
