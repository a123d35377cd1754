import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'

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

const { problems, figures } = await runChaos(
  { seed: values.seed, pushes, kills, durationMs, settleMs: Number(process.env.SETTLE ?? 300_000) },
  console.log
)
for (const problem of problems) console.log(`NOT AS IT MUST BE: ${problem}`)
for (const figure of figures) console.log(figure)
console.log(
  `result        ${problems.length === 0 ? 'all is well' : `${problems.length} things are not as they must be`}`
)
process.exitCode = problems.length === 0 ? 0 : 1
