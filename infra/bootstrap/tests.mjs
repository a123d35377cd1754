import { join } from 'node:path'
import { unitTestRun } from './check.mjs'
import { run } from './processes.mjs'
import { faultsOf, judge, total } from './test-results.mjs'
import { runTurboTests } from './turbo-tests.mjs'

const contractTestRun = {
  task: 'test:contract',
  suffixes: ['.contract.ts', '.contract.mjs'],
  concurrency: 1,
  timeoutMs: 8 * 60_000
}

/** Unit and contract tests, and those of whole installations. Those that use real servers run one after the other: two cores are soon busy. */
export async function test({ root, env, write, say }) {
  const groups = [
    ['unit', () => runTurboTests({ root, env, ...unitTestRun, write })],
    ['contract', () => runTurboTests({ root, env, ...contractTestRun, write })],
    ['system', () => wholeTests({ root, env, write, folder: 'system' })],
    ['hostile', () => wholeTests({ root, env, write, folder: 'hostile' })],
    // Much of it is waiting: two at a time.
    ['chaos', () => wholeTests({ root, env, write, folder: 'chaos', concurrency: 2 })]
  ]
  const lines = []
  const all = []
  for (const [name, work] of groups) {
    const start = performance.now()
    const results = await work()
    const { passed, failed } = total(results)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    lines.push(
      `${name.padEnd(9)} ${String(passed).padStart(5)} passed, ${String(failed).padStart(3)} failed  ${seconds.padStart(6)} s`
    )
    lines.push(...faultsOf(results).map((fault) => `  ${fault}`))
    all.push(...results)
  }
  for (const line of lines) say(line)
  return total(all)
}

/** Tests of whole installations, by default one file after the other. */
async function wholeTests({ root, env, write, folder, concurrency = 1 }) {
  const args = [
    '--test',
    '--test-timeout=400000',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    `${folder}/**/*.test.ts`
  ]
  const result = await run('node', args, {
    cwd: join(root, 'test'),
    env,
    timeoutMs: 15 * 60_000,
    onOutput: write
  })
  return [judge(`${folder} tests`, result)]
}
