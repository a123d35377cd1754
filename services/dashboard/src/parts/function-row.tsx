import type { BuildView, FunctionView, OwnerTrafficView } from '@slipway/client'
import { buildHref, functionHref } from '../addresses.ts'
import { buildTone, buildWord, isOver } from '../words/build.ts'
import { formatCount } from '../words/chart.ts'
import { Commit } from './commit.tsx'
import { Sparkline } from './sparkline.tsx'
import { Status } from './status.tsx'
import { Ago } from './time.tsx'

type RowTraffic = OwnerTrafficView['functions'][number]

/** One function of an owner: what of it is live, and what its newest build is about to change. */
export function FunctionRow({
  one,
  builds,
  traffic
}: {
  one: FunctionView
  builds: BuildView[]
  traffic?: RowTraffic | undefined
}) {
  const { owner, name, live, url, isPaused } = one
  const liveBuild = builds.find(({ id }) => id === live?.buildId)
  const newest = builds.find(({ repositoryId }) => repositoryId === one.repositoryId)
  const isNews = newest !== undefined && newest.id !== live?.buildId && newest.status !== 'live'
  return (
    <li class="row function-row">
      <FunctionState one={one} />
      <div class="row-main">
        <span class="clip">
          <a href={functionHref(owner, name)} class="strong">
            {name}
          </a>
          {url !== null && (
            <a href={url} class="note address" target="_blank" rel="noreferrer">
              {url.replace(/^https?:\/\//, '')}
            </a>
          )}
        </span>
        <span class="note clip">
          {live === null ? (
            'not live'
          ) : (
            <>
              {live.commit === null ? 'deployed by API' : <Commit commit={live.commit} />}
              {liveBuild?.message != null && <> {liveBuild.message}</>}
              {liveBuild?.sender != null && <> · {liveBuild.sender}</>}
              {live.liveAt !== null && (
                <>
                  {' · '}
                  <Ago at={live.liveAt} />
                </>
              )}
            </>
          )}
        </span>
      </div>
      <div class="function-news">
        {isNews && (
          <a href={buildHref(newest.id)} class="chip">
            <Status tone={buildTone(newest.status)}>
              {`${isOver(newest.status) ? 'Last build ' : ''}${buildWord(newest.status).toLowerCase()}`}
            </Status>
          </a>
        )}
        {isPaused && <span class="chip">Pushes do not deploy it</span>}
      </div>
      {traffic !== undefined && <Calls traffic={traffic} />}
      <div class="row-end note">
        {live !== null && `${live.replicas} ${live.replicas === 1 ? 'replica' : 'replicas'}`}
      </div>
    </li>
  )
}

function Calls({ traffic: { calls, errors, callsByStep, errorsByStep } }: { traffic: RowTraffic }) {
  return (
    <div class="calls" title="In the last day">
      <Sparkline calls={callsByStep} errors={errorsByStep} />
      <span class="note">
        {formatCount(calls)} {calls === 1 ? 'call' : 'calls'}
        {errors > 0 && <span class="tone-bad errors">{` · ${formatCount(errors)} failed`}</span>}
      </span>
    </div>
  )
}

export function FunctionState({ one: { live, isPaused } }: { one: Pick<FunctionView, 'live' | 'isPaused'> }) {
  if (live === null) return <Status tone="quiet">Off</Status>
  return isPaused ? <Status tone="warning">Paused</Status> : <Status tone="good">Live</Status>
}
