import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark } from './benchmark.ts'
import { gatewayOf, memoryOf } from './processes.ts'
import { comparedValues } from './result.ts'
import { createScene } from './scene.ts'

const idleMs = 15_000
/** 200 MB in MiB. */
const limitMiB = 200_000_000 / 1024 ** 2

/**
 * `idle-rss-mib`: the resident set (`VmRSS` in /proc) of the two processes of `slipway up`, control and gateway, together, after 15 s
 * in which nothing was asked of them, against the limit of 200 MB. Pages that both share, such as Node's own code, count twice.
 * Redis and the registry are programs of others and do not count.
 *
 * `idle-pss-mib`: the same with shared pages counted once (`Pss`).
 */
export const idleMemory: Benchmark = {
  names: ['idle-rss-mib', 'idle-pss-mib'],
  async run({ isVerbose, say, signal }) {
    say(`idle memory: "slipway up", left alone for ${idleMs / 1000} s`)
    const scene = await createScene()
    try {
      await sleep(idleMs, undefined, { signal })
      const control = await memoryOf(scene.installation.pid)
      const gateway = await memoryOf(await gatewayOf(scene.installation.pid))
      if (isVerbose) {
        for (const [name, memory] of Object.entries({ control, gateway }))
          say(
            `  ${name.padEnd(8)} ${Object.entries(memory)
              .map(([field, mib]) => `${field} ${mib.toFixed(1)}`)
              .join(', ')} MiB`
          )
      }
      const about = { unit: 'MiB' as const, comparison: 'limit of 200 MB', wanted: 'at most 1' }
      return [
        comparedValues({ ...about, name: 'idle-rss-mib' }, control.rss + gateway.rss, limitMiB),
        comparedValues({ ...about, name: 'idle-pss-mib', wanted: '' }, control.pss + gateway.pss, limitMiB)
      ]
    } finally {
      await scene.close()
    }
  }
}
