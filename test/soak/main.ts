import { parseArgs } from 'node:util'
import { untilInterrupted } from '../chaos/interrupted.ts'
import { runSoak } from './soak.ts'

/** `npm run test:soak -- --pushes N --seed S`. Its last lines are the figures. */
const { values } = parseArgs({
  options: { pushes: { type: 'string', default: '2000' }, seed: { type: 'string', default: String(Date.now()) } }
})
const pushes = Number(values.pushes)
if (!Number.isInteger(pushes) || pushes < 40) {
  console.error('usage: npm run test:soak -- [--pushes N, at least 40] [--seed S]')
  process.exit(2)
}
process.exitCode = await untilInterrupted((signal) =>
  runSoak({ seed: values.seed, pushes, settleMs: 600_000, signal }, console.log)
)
