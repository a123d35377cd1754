import type { Ground } from './ground.ts'
import type { Plan } from './plan.ts'
import { allBuilds, isOfKill } from './verdict.ts'

/** What a run came to, for people: one line each. */
export async function figuresOf(
  { store, fleet, callers, subjects }: Ground,
  plan: Plan,
  timing: { runMs: number; settledMs: number }
): Promise<string[]> {
  const builds = await allBuilds(store)
  const failed = callers.failed()
  const ofKills = failed.filter((call) => isOfKill(call, fleet.deaths)).length
  const relayed = fleet.relay.counts()
  const { calls, live } = callers.counts()
  const commits = new Set(subjects.flatMap(({ pushed }) => pushed))
  return [
    `seed          ${plan.seed}`,
    `pushes        ${plan.pushes} to ${plan.repositories} repositories, ${commits.size} commits`,
    `deliveries    ${relayed.deliveries} of the forge, sent ${relayed.sent} times, taken ${relayed.taken} times, ${tally(relayed.refused)} refused`,
    `kills         ${plan.kills} (${tally(countBy(plan.killList, ({ victim }) => victim))})`,
    `builds        ${builds.length} (${tally(countBy(builds, ({ status }) => status))})`,
    `retried       ${builds.filter(({ attempt }) => attempt > 0).length} builds`,
    `calls         ${calls} of ${live} live functions, ${failed.length} failed, ${ofKills} of them by the kill of their gateway`,
    `time          ${seconds(timing.runMs)} of pushes and kills, settled ${seconds(timing.settledMs)} later`
  ]
}

function countBy<T>(list: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of list) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1
  return counts
}

function tally(counts: Record<string, number>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
  return parts.length === 0 ? 'none' : parts.toSorted().join(', ')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** Prints what came of a run, its figures last. @returns the exit code. */
export function tell({ problems, figures }: { problems: string[]; figures: string[] }): number {
  for (const problem of problems) console.log(`NOT AS IT MUST BE: ${problem}`)
  for (const figure of figures) console.log(figure)
  const what = problems.length === 0 ? 'all is well' : `${problems.length} things are not as they must be`
  console.log(`result        ${what}`)
  return problems.length === 0 ? 0 : 1
}
