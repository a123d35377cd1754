import type { BuildView } from '@slipway/client'
import { buildHref } from '../addresses.ts'
import { branchOf, isOver, triggerWord } from '../words/build.ts'
import { Commit } from './commit.tsx'
import { BuildState } from './status.tsx'
import { Ago, Lasted } from './time.tsx'

/** One build in a list. */
export function BuildRow({ build, hasRepository = true }: { build: BuildView; hasRepository?: boolean }) {
  const { id, status, repository, ref, commit, message, sender, trigger, createdAt, startedAt, finishedAt } = build
  return (
    <li class={`row build-row ${isOver(status) ? '' : 'is-running'}`}>
      <BuildState status={status} />
      <div class="row-main">
        <a href={buildHref(id)} class="strong clip">
          {message ?? `${triggerWord(trigger)} ${branchOf(ref)}`}
        </a>
        <span class="note clip">
          {hasRepository && <>{repository} · </>}
          {branchOf(ref)} · <Commit commit={commit} /> · {sender ?? 'Slipway'} {triggerWord(trigger)}
        </span>
        {build.reason !== null && status !== 'live' && <span class="reason clip">{build.reason}</span>}
      </div>
      <div class="row-end note">
        <Ago at={createdAt} />
        {startedAt !== null && <Lasted from={startedAt} to={isOver(status) ? (finishedAt ?? startedAt) : null} />}
      </div>
    </li>
  )
}
