import { parseArgs } from 'node:util'
import { tell } from '../chaos/figures.ts'
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
process.exitCode = tell(await runSoak({ seed: values.seed, pushes, settleMs: 600_000 }, console.log))
