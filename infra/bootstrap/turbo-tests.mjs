import { run } from './processes.mjs'
import { judge, splitTurboOutput, testedWorkspaces } from './test-results.mjs'
import { workspaces } from './workspaces.mjs'

/**
 * Runs one test script of all workspaces but that of the system tests through turbo and judges each workspace that has such tests.
 * What turbo has in its cache is judged by what was printed then.
 */
export async function runTurboTests({ root, env, task, suffixes, concurrency, timeoutMs, write }) {
  const tested = testedWorkspaces(
    workspaces(root).filter(({ path }) => path !== 'test'),
    task,
    suffixes
  )
  const args = [
    'run',
    task,
    '--continue',
    '--output-logs=full',
    '--log-order=grouped',
    '--log-prefix=task',
    '--no-color'
  ]
  const { code, output } = await run('turbo', [...args, `--concurrency=${concurrency}`], {
    cwd: root,
    env,
    timeoutMs,
    onOutput: write
  })
  const parts = splitTurboOutput(output, task)
  const failed = failedTasks(output)
  const results = tested.map(({ name, hasScript }) =>
    hasScript
      ? judge(name, { code: failed.has(`${name}#${task}`) ? 1 : 0, output: parts.get(name) ?? '' })
      : { name, passed: 0, failed: 1, reason: `has tests, but no script "${task}"` }
  )
  if (code !== 0 && results.every((result) => result.failed === 0)) {
    results.push({ name: 'turbo', passed: 0, failed: 1, reason: `ended with exit code ${code}` })
  }
  return results
}

function failedTasks(output) {
  const line = /^\s*Failed:\s+(.*)$/m.exec(output)
  return new Set(line === null ? [] : line[1].split(/,\s*/))
}
