import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import type { Benchmark } from './benchmark.ts'
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

/** The child of the control process that runs the gateway's `main.ts`. */
async function gatewayOf(control: number): Promise<number> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const [stat, command] = await Promise.all([
      readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''),
      readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    ])
    // `pid (name) state parent …`, and a name may hold anything.
    const parent = Number(
      stat
        .slice(stat.lastIndexOf(')') + 1)
        .trim()
        .split(' ')[1]
    )
    if (parent === control && /gateway\/src\/main\.ts/.test(command)) return Number(name)
  }
  throw new Failure('not-found', 'the gateway of "slipway up" was not found among its processes')
}

/** In MiB. `anonymous`: what the process itself holds. */
async function memoryOf(pid: number): Promise<{ rss: number; pss: number; anonymous: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const shares = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return { rss: field(status, 'VmRSS'), pss: field(shares, 'Pss'), anonymous: field(status, 'RssAnon') }
}

function field(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
  if (found === null) throw new Failure('not-found', `/proc tells no ${name}`)
  return Number(found[1]) / 1024
}
