import type { Benchmark } from './benchmark.ts'
import { createFloor } from './floor.ts'
import { createInstalledFunction, type PushTimes } from './installed-function.ts'
import { comparedSpreads, type Result } from './result.ts'
import { createScene } from './scene.ts'
import { type Step, waterfall } from './waterfall.ts'

/** Caches are filled and connections made by then: neither side is measured cold. */
const warmUpRounds = 2

/**
 * `push-to-live`: from the start of `git push` of a changed source file until both are there: the function's first answer of the new
 * version through the gateway, and the final commit status on the forge. One function of the `node` template in a `slipway up` with
 * its own settings: two processes, SQLite that syncs, Redis that syncs, readiness asked, the former version serving until the switch.
 *
 * `push-to-answer`: the same until the first answer alone.
 *
 * `config-only`: from the start of `git push` of another environment in `stack.yml`, and nothing else, to the first answer that
 * shows it. That no image was built for it is checked.
 *
 * All against the floor (floor.ts), which begins after its push. Each round measures all three, every other round in the opposite order;
 * nothing goes on beside a measurement: by then the former version has ended, and the network for the next one is ready. Values are medians. While a push is measured a client asks
 * every 20 ms, which is a load that the floor has not: there it asks, every 5 ms, once the container runs.
 */
export const pushes: Benchmark = {
  names: ['push-to-live', 'push-to-answer', 'config-only'],
  async run({ rounds, isVerbose, say, signal }) {
    say(`pushes: ${warmUpRounds} rounds to warm up, ${rounds} measured`)
    const scene = await createScene()
    try {
      const floor = await createFloor(scene, signal)
      try {
        const fn = await createInstalledFunction(scene, 'alice', signal)
        const samples: Samples = { floor: [], source: [], configuration: [] }
        for (let round = 0; round < warmUpRounds + rounds; round++) {
          const kept = round < warmUpRounds ? { floor: [], source: [], configuration: [] } : samples
          const measures = [
            async () => void kept.floor.push(await floor.measure(round)),
            async () => void kept.source.push(await fn.pushSource(`version ${round}`)),
            async () => void kept.configuration.push(await fn.pushConfiguration(`word ${round}`))
          ]
          // The first round's configuration needs a function that is there.
          for (const measure of round % 2 === 0 ? measures : measures.toReversed()) {
            signal.throwIfAborted()
            await measure()
          }
        }
        if (isVerbose) tellWhere(samples, say)
        return resultsOf(samples)
      } finally {
        await floor.close()
      }
    } finally {
      await scene.close()
    }
  }
}

interface Samples {
  floor: { totalMs: number; steps: Step[] }[]
  source: PushTimes[]
  configuration: PushTimes[]
}

function resultsOf({ floor, source, configuration }: Samples): Result[] {
  const against = floor.map(({ totalMs }) => totalMs)
  const comparison = 'clone, build, push, run'
  const compared = (name: string, wanted: string, samples: number[]) =>
    comparedSpreads({ name, unit: 'ms', comparison, wanted }, samples, against)
  return [
    compared(
      'push-to-live',
      'at most 1.5, goal 1.1',
      source.map(({ answeredMs, toldMs }) => Math.max(answeredMs, toldMs))
    ),
    compared(
      'push-to-answer',
      '',
      source.map(({ answeredMs }) => answeredMs)
    ),
    compared(
      'config-only',
      'at most 0.7',
      configuration.map(({ answeredMs }) => answeredMs)
    )
  ]
}

function tellWhere({ floor, source, configuration }: Samples, say: (line: string) => void): void {
  say(
    waterfall(
      'the floor',
      floor.map(({ steps }) => steps)
    )
  )
  say(
    waterfall(
      'a changed source file',
      source.map(({ steps }) => steps)
    )
  )
  say(
    waterfall(
      'a changed configuration',
      configuration.map(({ steps }) => steps)
    )
  )
}
