import type { BuildView } from '@slipway/client'
import type { ComponentChildren } from 'preact'
import { buildHref } from '../addresses.ts'
import { branchOf, gistOf, isOver, titleOf, triggerWord } from '../words/build.ts'
import { Commit } from './commit.tsx'
import { BuildState } from './status.tsx'
import { Ago, Lasted } from './time.tsx'

/** One build in a list. */
export function BuildRow({
  build,
  hasRepository = true,
  state,
  children
}: {
  build: BuildView
  hasRepository?: boolean
  /** Where something else than its status is of interest. */
  state?: ComponentChildren
  /** What else there is to say of it here. */
  children?: ComponentChildren
}) {
  const { id, status, repository, ref, commit, sender, trigger, createdAt, startedAt, finishedAt } = build
  return (
    <li class={`row build-row ${isOver(status) ? '' : 'is-running'}`}>
      {state ?? <BuildState status={status} />}
      <div class="row-main">
        <a href={buildHref(id)} class="strong clip">
          {titleOf(build)}
        </a>
        <span class="note clip">
          {hasRepository && <>{repository} · </>}
          {branchOf(ref)} · <Commit commit={commit} /> · {sender ?? 'Slipway'} {triggerWord(trigger)}
        </span>
        {build.reason !== null && status !== 'live' && <span class="reason clip">{gistOf(build.reason)}</span>}
        {children}
      </div>
      <div class="row-end note">
        <Ago at={createdAt} />
        {startedAt !== null && <Lasted from={startedAt} to={isOver(status) ? (finishedAt ?? startedAt) : null} />}
      </div>
    </li>
  )
}
