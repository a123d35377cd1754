import {
  assertTransition,
  type BuildFunctionStatus,
  type SourceLocation,
  type TerminalBuildStatus
} from '@slipway/domain'
import type { Transaction } from './database.ts'
import type { BuildRow } from './schema.ts'

const unfinished: BuildFunctionStatus[] = ['planned', 'building', 'built', 'deploying']

/** What becomes of functions that were still on their way: none of them failed by itself. */
const functionEnds: Record<TerminalBuildStatus, BuildFunctionStatus> = {
  live: 'skipped',
  skipped: 'skipped',
  failed: 'cancelled',
  error: 'cancelled',
  superseded: 'cancelled',
  cancelled: 'cancelled'
}

/**
 * Ends a build that this transaction has locked, and its unfinished functions with it. Deployments that are still starting
 * are left to `deployer`, which has to take them from the cluster first.
 *
 * @throws Failure `invalid-transition`
 */
export async function endBuild(
  tx: Transaction,
  build: BuildRow,
  end: { status: TerminalBuildStatus; reason: string | null; location?: SourceLocation },
  now: number
): Promise<void> {
  assertTransition(build.status, end.status)
  await tx
    .updateTable('builds')
    .set((eb) => ({
      status: end.status,
      reason: end.reason,
      failure_location_json: end.location === undefined ? null : JSON.stringify(end.location),
      finished_at: now,
      next_attempt_at: null,
      dispatched_at: null,
      lease_holder: null,
      lease_until: null,
      version: eb('version', '+', 1)
    }))
    .where('id', '=', build.id)
    .execute()
  await tx
    .updateTable('build_functions')
    .set({ status: functionEnds[end.status], finished_at: now })
    .where('build_id', '=', build.id)
    .where('status', 'in', unfinished)
    .execute()
}
