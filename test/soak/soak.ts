import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Build, isTerminal } from '@slipway/domain'
import { createGround, type Ground } from '../chaos/ground.ts'
import { createRandom } from '../chaos/random.ts'
import { allBuilds } from '../chaos/verdict.ts'
import { keptBytes, median, openFiles, residentBytes } from './process-figures.ts'
import { createSoakSubject } from './subject.ts'

export interface SoakOptions {
  seed: string | number
  pushes: number
  settleMs: number
  signal?: AbortSignal
}

/** What one process held at one time. */
interface Sample {
  /** Pushes that had come to their end by then. */
  done: number
  residentBytes: number
  /** Of JavaScript and what belongs to it; null for what is no process of ours. */
  heapBytes: number | null
  openFiles: number
}

const repositories = 8
/** So many pushes may be under way: what piles up in a queue is not what is looked for here. */
const underWay = 12
/** A process that grew by less than this has not grown: what was collected leaves gaps. */
const toleranceBytes = 8 * 2 ** 20
/** So many more files are connections that happen to be open when it is looked. */
const toleranceFiles = 16

/**
 * Pushes that each want an image of their own, which is prepared instead of built; all else is as it always is: the forge, git, the
 * registry, the engine and its containers. What every process holds is looked at all the time.
 */
export async function runSoak(
  { seed, pushes, settleMs, signal }: SoakOptions,
  say: (line: string) => void
): Promise<{ problems: string[]; figures: string[] }> {
  const ground = await createGround({
    repositories,
    owners: 4,
    callers: { concurrency: 2, pauseMs: 50 },
    programs: { builder: fileURLToPath(new URL('builder.ts', import.meta.url)) },
    preload: fileURLToPath(new URL('look.mjs', import.meta.url)),
    subject: createSoakSubject,
    ...(signal === undefined ? {} : { signal })
  })
  try {
    const samples = new Map<string, Sample[]>()
    const startedAt = performance.now()
    await pushAll(ground, { seed, pushes }, async (done) => {
      await lookAt(ground, done, samples)
      if (done % 100 < 10) {
        say(progress(done, pushes, performance.now() - startedAt))
        say(
          `      ${[...samples].map(([name, taken]) => `${name} ${mib(taken.at(-1)?.residentBytes ?? 0)}`).join(', ')} MiB`
        )
      }
    })
    const pushedMs = performance.now() - startedAt
    const problems = await ground.judge(settleMs)
    const builds = await allBuilds(ground.store)
    const figures = [
      `seed          ${seed}`,
      `pushes        ${progress(pushes, pushes, pushedMs)}; ${describe(builds)}`,
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

function progress(done: number, pushes: number, ms: number): string {
  return `${(ms / 1000).toFixed(0)} s  ${done} of ${pushes} pushes, ${((done / ms) * 60_000).toFixed(0)} a minute`
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1)

/**
 * More builds than pushes: a build that finds a newer commit at the head queues that one, and so does whoever asks for heads; the push
 * itself, which arrives a moment later, is a build that finds its commit built already and ends skipped.
 */
function describe(builds: readonly Build[]): string {
  const groups = [...Map.groupBy(builds, (build) => build.status + whyOf(build))].map(
    ([what, of]) => `${of.length} ${what}`
  )
  return `${builds.length} builds (${groups.toSorted((a, b) => (a < b ? -1 : 1)).join(', ')})`
}

function whyOf({ status, trigger, reason }: Build): string {
  if (status === 'live') return ''
  return `, by ${trigger}: ${reason?.replaceAll(/\b[0-9a-f]{7}\b/g, 'the commit') ?? 'for no reason'}`
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
    await subject?.push({ change: { kind: 'words' }, arrival: { afterMs: [0] } }, fleet.relay)
    pushed += 1
    if (pushed - told >= 10) {
      told = pushed
      await onProgress(pushed - waiting)
    }
  }
  while ((await allBuilds(store)).some(({ status }) => !isTerminal(status))) await sleep(500)
}

async function lookAt({ fleet, home }: Ground, done: number, samples: Map<string, Sample[]>): Promise<void> {
  for (const { name, pid } of fleet.members.values()) {
    const taken = samples.get(name) ?? []
    const isOurs = name !== 'redis'
    const kept = isOurs ? await keptBytes(pid, home) : { resident: await residentBytes(pid), heap: null }
    taken.push({ done, residentBytes: kept.resident, heapBytes: kept.heap, openFiles: await openFiles(pid) })
    samples.set(name, taken)
  }
}

/** Compares the last quarter with the first, of what came after the first tenth, in which a process comes to its usual size. */
function judgeProcess(name: string, all: Sample[]): { figure: string; problem: string | null } {
  const taken = all.slice(Math.floor(all.length / 10))
  const quarter = Math.max(1, Math.floor(taken.length / 4))
  const [first, last] = [taken.slice(0, quarter), taken.slice(-quarter)]
  const both = (of: (sample: Sample) => number) => [median(first.map(of)), median(last.map(of))] as const
  const memory = both((sample) => sample.residentBytes)
  const heap = both((sample) => sample.heapBytes ?? 0)
  const files = both((sample) => sample.openFiles)
  const isLarger = ([before, after]: readonly [number, number]) =>
    after > before * 1.1 && after - before > toleranceBytes
  const hasGrown = isLarger(memory) || isLarger(heap) || files[1] > files[0] * 1.1 + toleranceFiles
  const told = [
    `${mib(memory[0])} MiB then ${mib(memory[1])} MiB (${(memory[1] / memory[0]).toFixed(3)})`,
    ...(heap[0] === 0 ? [] : [`heap ${mib(heap[0])} then ${mib(heap[1])}`]),
    `${files[0]} then ${files[1]} open files`
  ].join(', ')
  return { figure: `${name.padEnd(13)} ${told}`, problem: hasGrown ? `${name} has grown: ${told}` : null }
}
