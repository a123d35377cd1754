import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'
import { untilInterrupted } from './interrupted.ts'

/** The long form: `npm run test:chaos -- --pushes N --kills N --seconds N --seed S`. Its last lines are the figures. */
const { values } = parseArgs({
  options: {
    pushes: { type: 'string', default: '200' },
    kills: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) }
  }
})
const pushes = Number(values.pushes)
const kills = Number(values.kills ?? Math.ceil(pushes / 4))
const durationMs = 1000 * Number(values.seconds ?? Math.ceil(pushes * 1.9))
if (![pushes, kills, durationMs].every((number) => Number.isInteger(number) && number > 0)) {
  console.error('usage: npm run test:chaos -- [--pushes N] [--kills N] [--seconds N] [--seed S]')
  process.exit(2)
}

process.exitCode = await untilInterrupted((signal) =>
  runChaos({ seed: values.seed, pushes, kills, durationMs, settleMs: 300_000, ground: { signal } }, console.log)
)
