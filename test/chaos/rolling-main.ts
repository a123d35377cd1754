import { parseArgs } from 'node:util'
import { untilInterrupted } from './interrupted.ts'
import { runRolling } from './rolling.ts'

/** The long form: `npm run test:rolling -- --restarts N --seed S`. Its last lines are the figures. */
const { values } = parseArgs({
  options: { restarts: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now()) } }
})
const rounds = Number(values.restarts)
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('usage: npm run test:rolling -- [--restarts N] [--seed S]')
  process.exit(2)
}
process.exitCode = await untilInterrupted((signal) =>
  runRolling({ seed: values.seed, rounds, repositories: 6, settleMs: 300_000, signal }, console.log)
)
