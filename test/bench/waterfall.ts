import type { BuildDetail } from '@slipway/client'
import type { LogChunk, LogStep } from '@slipway/domain'
import { spreadOf } from './result.ts'

/** A part of something that was measured. */
export interface Step {
  what: string
  ms: number
}

/** Everything that is known about when a push came how far. Times of the build are epoch milliseconds. */
export interface PushRecord {
  startedAt: number
  pushedMs: number
  build: BuildDetail
  log: LogChunk[]
  answeredMs: number
  toldMs: number
}

/** Where the time of a push went: each step ends where the next one begins, in the order in which they ended. */
export function stepsOf({ startedAt, pushedMs, build, log, answeredMs, toldMs }: PushRecord): Step[] {
  const [part] = build.functions
  const said = (step: LogStep, words: RegExp) =>
    log.find((chunk) => chunk.step === step && words.test(chunk.text))?.at ?? null
  const marks: [string, number | null][] = [
    ['webhook recorded', build.createdAt],
    ['build claimed', build.startedAt],
    ['checked out', said('checkout', /checked out/)],
    ['image planned', part?.startedAt ?? null],
    ['image pushed', part?.builtAt ?? null],
    ['handed to the deployer', build.deployingAt],
    ['replica started', said('deploy', /^starting/)],
    ['replica ready', said('deploy', /is ready/)],
    ['live', build.finishedAt]
  ]
  const passed = marks.flatMap(([what, at]) => (at === null ? [] : [{ what, at: at - startedAt }]))
  const measured = [
    { what: 'git push returned', at: pushedMs },
    { what: 'first answer', at: answeredMs },
    { what: 'commit status told', at: toldMs }
  ]
  let before = 0
  return [...passed, ...measured]
    .sort((a, b) => a.at - b.at)
    .map(({ what, at }) => {
      const ms = at - before
      before = at
      return { what, ms }
    })
}

/** The median of each step over several measurements, a line each. */
export function waterfall(title: string, measurements: Step[][]): string {
  const names = [...new Set(measurements.flatMap((steps) => steps.map(({ what }) => what)))]
  const rows = names.map((name) => {
    const ends = measurements.flatMap((steps) => {
      const index = steps.findIndex(({ what }) => what === name)
      return index === -1 ? [] : [steps.slice(0, index + 1).reduce((sum, { ms }) => sum + ms, 0)]
    })
    const own = measurements.flatMap((steps) => steps.filter(({ what }) => what === name).map(({ ms }) => ms))
    return { name, end: spreadOf(ends).median, own: spreadOf(own).median }
  })
  const lines = rows
    .sort((a, b) => a.end - b.end)
    .map(({ name, end, own }) => `  ${end.toFixed(0).padStart(6)} ms  +${own.toFixed(0).padStart(4)}  ${name}`)
  return [`${title} (medians):`, ...lines].join('\n')
}
