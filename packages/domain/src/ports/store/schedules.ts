import type { ScheduleRun } from '../../schedule.ts'

export interface Schedules {
  /** null: it was never due. */
  last(ownerId: string, functionName: string): Promise<ScheduleRun | null>
  /** Takes the place of the former one. Where `callId` is null the former call stays the last one that was left. */
  note(run: ScheduleRun): Promise<void>
}
