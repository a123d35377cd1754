import { run } from './processes.mjs'
import { faultsOf, total } from './test-results.mjs'
import { runTurboTests } from './turbo-tests.mjs'

/** All checks run even when one fails; each is told with its time. */
export async function check({ root, env, write, say }) {
  const command = (name, program, ...args) => ({
    name,
    async work() {
      const { code, output } = await run(program, args, { cwd: root, env })
      return { isGood: code === 0, output, note: '' }
    }
  })
  const steps = [
    command('format', 'biome', 'check', '--linter-enabled=false', '--error-on-warnings', '.'),
    command('lint', 'oxlint', '--type-aware', '--deny-warnings'),
    command('types', 'tsc', '-p', '.'),
    // The page has the browser's types instead of Node's.
    command('page types', 'tsc', '-p', 'services/dashboard'),
    command('boundaries', 'node', 'infra/checks/boundaries.mjs'),
    { name: 'unit tests', work: () => unitTests({ root, env }) }
  ]
  const results = []
  for (const { name, work } of steps) {
    const start = performance.now()
    const { isGood, output, note } = await work()
    if (!isGood) write(`${output.trimEnd()}\n`)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    say(`${isGood ? 'passed' : 'FAILED'}  ${name.padEnd(11)} ${seconds.padStart(6)} s${note}`)
    results.push({ passed: isGood ? 1 : 0, failed: isGood ? 0 : 1 })
  }
  return total(results)
}

async function unitTests({ root, env }) {
  let output = ''
  const write = (text) => {
    output += text
  }
  const results = await runTurboTests({ root, env, ...unitTestRun, write })
  const { passed, failed } = total(results)
  return {
    isGood: failed === 0,
    output: [output, ...faultsOf(results)].join('\n'),
    note: `  (${passed} passed, ${failed} failed in ${results.length} workspaces)`
  }
}

/** The times are far above what the tests need: they are for a test that hangs. */
export const unitTestRun = {
  task: 'test:unit',
  suffixes: ['.test.ts', '.test.mjs', '.test.tsx'],
  // More than there are processors, for much of a test's time is waiting.
  concurrency: 3,
  timeoutMs: 8 * 60_000
}
