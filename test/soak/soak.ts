import { setTimeout as sleep } from 'node:timers/promises'
import { isTerminal } from '@slipway/domain'
import { createGround, type Ground } from '../chaos/ground.ts'
import { createRandom } from '../chaos/random.ts'
import { allBuilds } from '../chaos/verdict.ts'
import { median, openFiles, residentBytes } from './process-figures.ts'

export interface SoakOptions {
  seed: string | number
  pushes: number
  settleMs: number
}

/** What one process held at one time. */
interface Sample {
  /** Pushes that had come to their end by then. */
  done: number
  residentBytes: number
  openFiles: number
}

const repositories = 8
/** So many pushes may be under way: what piles up in a queue is not what is looked for here. */
const underWay = 12
/** A process that grew by less than this has not grown: collecting garbage has its own time. */
const toleranceBytes = 12 * 2 ** 20

/**
 * Pushes that change the configuration alone, again and again: after the first one of each repository no image is built, and all
 * else is as it always is. What every process holds is looked at all the time.
 */
export async function runSoak(
  { seed, pushes, settleMs }: SoakOptions,
  say: (line: string) => void
): Promise<{ problems: string[]; figures: string[] }> {
  const ground = await createGround({ repositories, owners: 4, callers: { concurrency: 2, pauseMs: 50 } })
  try {
    const samples = new Map<string, Sample[]>()
    const startedAt = performance.now()
    await pushAll(ground, { seed, pushes }, async (done) => {
      await lookAt(ground, done, samples)
      if (done % 100 < 10) say(`${((performance.now() - startedAt) / 1000).toFixed(0)} s  ${done} of ${pushes} pushes`)
    })
    const problems = await ground.judge(settleMs)
    const builds = await allBuilds(ground.store)
    const figures = [
      `seed          ${seed}`,
      `pushes        ${pushes} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${builds.length} builds`,
      `calls         ${ground.callers.counts().calls}, ${ground.callers.failed().length} failed`
    ]
    for (const [name, taken] of samples) {
      const { figure, problem } = judgeProcess(name, taken)
      figures.push(figure)
      if (problem !== null) problems.push(problem)
    }
    return { problems, figures }
  } finally {
    await ground.close()
  }
}

/** @param onProgress called after every tenth push that came to its end. */
async function pushAll(
  { subjects, store, fleet }: Ground,
  { seed, pushes }: { seed: string | number; pushes: number },
  onProgress: (done: number) => Promise<void>
): Promise<void> {
  const random = createRandom(seed)
  let told = 0
  for (let pushed = 0; pushed < pushes; ) {
    const open = (await store.builds.counts()) as Record<string, number>
    const waiting = (open.queued ?? 0) + (open.building ?? 0) + (open.deploying ?? 0)
    if (waiting >= underWay) {
      await sleep(100)
      continue
    }
    const subject = pushed < subjects.length ? subjects[pushed] : random.pick(subjects)
    const kind = pushed < subjects.length ? 'words' : 'configuration'
    await subject?.push({ change: { kind }, arrival: { afterMs: [0] } }, fleet.relay)
    pushed += 1
    if (pushed - told >= 10) {
      told = pushed
      await onProgress(pushed - waiting)
    }
  }
  while ((await allBuilds(store)).some(({ status }) => !isTerminal(status))) await sleep(500)
}

async function lookAt({ fleet }: Ground, done: number, samples: Map<string, Sample[]>): Promise<void> {
  for (const { name, pid } of fleet.members.values()) {
    const taken = samples.get(name) ?? []
    taken.push({ done, residentBytes: await residentBytes(pid), openFiles: await openFiles(pid) })
    samples.set(name, taken)
  }
}

/** Compares the last quarter with the first, of what came after the first tenth, in which a process comes to its usual size. */
function judgeProcess(name: string, all: Sample[]): { figure: string; problem: string | null } {
  const taken = all.slice(Math.floor(all.length / 10))
  const quarter = Math.max(1, Math.floor(taken.length / 4))
  const between = (from: Sample[], of: (sample: Sample) => number) => median(from.map(of))
  const [first, last] = [taken.slice(0, quarter), taken.slice(-quarter)]
  const memory = [first, last].map((part) => between(part, (sample) => sample.residentBytes)) as [number, number]
  const files = [first, last].map((part) => between(part, (sample) => sample.openFiles)) as [number, number]
  const mib = memory.map((bytes) => (bytes / 2 ** 20).toFixed(1))
  const ratio = memory[1] / memory[0]
  const hasGrown = (ratio > 1.1 && memory[1] - memory[0] > toleranceBytes) || files[1] > files[0] * 1.1 + 2
  const text = `${mib[0]} MiB then ${mib[1]} MiB (${ratio.toFixed(3)}), ${files[0]} then ${files[1]} open files`
  return { figure: `${name.padEnd(13)} ${text}`, problem: hasGrown ? `${name} has grown: ${text}` : null }
}
