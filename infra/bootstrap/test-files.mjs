import { basename, join, relative } from 'node:path'
import { run } from './processes.mjs'
import { judge } from './test-results.mjs'
import { filesOf, workspaces } from './workspaces.mjs'

/**
 * Seconds that files take which take long, on two cores with another file beside them: the longest begin first, so that none of them is
 * alone at the end. Only the order hangs on them; a file that is not named is taken for a short one.
 */
const seconds = {
  'chaos/chaos.test.ts': 200,
  'chaos/faults.test.ts': 200,
  'chaos/clock.test.ts': 130,
  'chaos/rolling.test.ts': 100,
  'system/pipeline.test.ts': 90,
  'system/reconciler.test.ts': 90,
  'system/faults.test.ts': 80,
  'sandboxes.contract.ts': 75,
  'system/templates.test.ts': 70,
  'system/secrets.test.ts': 60,
  'system/backup.test.ts': 60,
  'states.contract.ts': 50,
  'system/disk-full.test.ts': 50,
  'cluster.contract.ts': 45,
  'system/forge-events.test.ts': 40,
  'browser/dashboard.test.ts': 45,
  'browser/pages.test.ts': 45,
  'image-engine.contract.ts': 85,
  'isolation.contract.ts': 30,
  'postgres.contract.ts': 30,
  'system/openfaas.test.ts': 30,
  'system/openfaas-cluster.test.ts': 45,
  'system/limits.test.ts': 30,
  'system/owner-stops.test.ts': 30,
  'system/cancel.test.ts': 25,
  'system/docs.test.ts': 75,
  'system/terminal.test.ts': 40,
  'system/clean-up.test.ts': 25,
  'hostile/receiver-fuzz.test.ts': 20
}
const shortSeconds = 10

const secondsOf = ({ name }) => Object.entries(seconds).find(([end]) => name.endsWith(end))?.[1] ?? shortSeconds

/** The files of one kind: contract tests beside the sources, or one folder of the tests of whole installations. */
export function contractFiles(root) {
  return workspaces(root).flatMap(({ directory, path }) =>
    path === 'test' ? [] : testFiles(root, 'contract', directory, directory, ['.contract.ts', '.contract.mjs'])
  )
}

export function wholeFiles(root, folder) {
  const directory = join(root, 'test')
  return testFiles(root, folder, directory, join(directory, folder), ['.test.ts'])
}

/** One file of a workspace. */
export function fileOf(root, workspace, name) {
  const directory = join(root, workspace)
  return { group: workspace, name: join(workspace, name), directory, file: join(directory, name) }
}

function testFiles(root, group, directory, folder, suffixes) {
  return [...filesOf(folder)]
    .filter((file) => suffixes.some((suffix) => basename(file).endsWith(suffix)))
    .map((file) => ({ group, name: relative(root, file), directory, file }))
}

/**
 * Runs each file in a process of its own, so many at a time, the longest first. What a file printed is told when it has ended.
 *
 * @returns one result a file, in the order of their ends
 */
export async function runTestFiles({ files, env, concurrency, timeoutMs, testTimeoutMs, write, say }) {
  const waiting = [...files].sort((a, b) => secondsOf(b) - secondsOf(a))
  const results = []
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { group, name, directory, file } = next
      const start = performance.now()
      const args = ['--test', `--test-timeout=${testTimeoutMs}`, '--test-reporter=spec', file]
      const ended = await run('node', args, { cwd: directory, env, timeoutMs })
      const result = { ...judge(name, ended), group, seconds: (performance.now() - start) / 1000 }
      write(`\n${name}\n${ended.output}`)
      say(`${result.failed === 0 ? 'passed' : 'FAILED'}  ${name}  ${result.seconds.toFixed(1)} s`)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}
