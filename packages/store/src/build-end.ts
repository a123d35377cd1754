import {
  assertTransition,
  type BuildFunctionStatus,
  type FailureCode,
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
 * are left to `deployer`, which has to take them from the cluster first. One that is stopped because its ref moved on ends
 * superseded by it, whoever cancels it in the end.
 *
 * @throws Failure `invalid-transition`
 */
export async function endBuild(
  tx: Transaction,
  build: BuildRow,
  end: { status: TerminalBuildStatus; reason: string | null; location?: SourceLocation; code?: FailureCode },
  now: number
): Promise<void> {
  const isOvertaken = end.status === 'cancelled' && build.is_overtaken === 1
  const { status, reason } = isOvertaken ? { status: 'superseded' as const, reason: build.reason } : end
  assertTransition(build.status, status)
  await tx
    .updateTable('builds')
    .set((eb) => ({
      status,
      reason,
      failure_code: end.code ?? null,
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
    .set({ status: functionEnds[status], finished_at: now })
    .where('build_id', '=', build.id)
    .where('status', 'in', unfinished)
    .execute()
}
