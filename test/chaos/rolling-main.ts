import { parseArgs } from 'node:util'
import { tell } from './figures.ts'
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
const result = await runRolling({ seed: values.seed, rounds, repositories: 6, settleMs: 300_000 }, console.log)
process.exitCode = tell(result)
