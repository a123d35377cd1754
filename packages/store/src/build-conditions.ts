import type { BuildTrigger } from '@slipway/domain'
import { sql } from 'kysely'

/*
 * Two conditions that stand word for word in the partial indexes `builds_queued` and `builds_active`:
 * with parameters instead of literals a planner could not know that the index answers the question.
 */

/** It waits; its job may be on the queue already. */
export const isQueued = sql<boolean>`builds.status = 'queued'`
/** It runs, or was chosen to: it takes a slot, a place of its owner, and its ref. */
export const isActive = sql<boolean>`(builds.status in ('building', 'deploying')
  or (builds.status = 'queued' and builds.dispatched_at is not null))`

/** What is rolled out without being built goes beside its ref's builds: the switch alone says which of them may not follow. */
export const besideRef: BuildTrigger[] = ['rollback', 'redeploy', 'configuration']
