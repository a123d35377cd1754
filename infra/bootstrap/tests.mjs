import { cpus } from 'node:os'
import { unitTestRun } from './check.mjs'
import { contractFiles, fileOf, runTestFiles, wholeFiles } from './test-files.mjs'
import { faultsOf, total } from './test-results.mjs'
import { runTurboTests } from './turbo-tests.mjs'

const folders = ['system', 'browser', 'hostile', 'chaos']

/** The times are far above what the tests need: they are for a test that hangs. */
const times = { timeoutMs: 12 * 60_000, testTimeoutMs: 400_000 }

/** The web page alone, in a real browser. */
export async function testBrowser({ root, env, write, say }) {
  const start = performance.now()
  const files = wholeFiles(root, 'browser')
  const results = await runTestFiles({ files, env, ...times, concurrency: concurrencyOf(env), write, say })
  tell('browser', results, secondsSince(start), say)
  return total(results)
}

/**
 * Unit tests, then everything that uses real servers: contract tests and those of whole installations, a file for each core at a time,
 * for each waits a good part of its time.
 */
export async function test({ root, env, write, say }) {
  const start = performance.now()
  const unit = await runTurboTests({ root, env, ...unitTestRun, write })
  const secondsOfUnit = secondsSince(start)
  const files = [...contractFiles(root), ...folders.flatMap((folder) => wholeFiles(root, folder))]
  const results = await runTestFiles({ files, env, ...times, concurrency: concurrencyOf(env), write, say })
  tell('unit', unit, secondsOfUnit, say)
  for (const group of ['contract', ...folders]) {
    const ofGroup = results.filter((result) => result.group === group)
    const seconds = ofGroup.reduce((sum, result) => sum + result.seconds, 0)
    tell(group, ofGroup, seconds, say)
  }
  const all = [...unit, ...results]
  say(`all in ${secondsSince(start).toFixed(1)} s; the times of files that ran beside each other are added up above`)
  return total(all)
}

/** Who may do what, of the status API and of the gateway. */
export async function testRights({ root, env, write, say }) {
  const files = [
    fileOf(root, 'services/api', 'src/rights.test.ts'),
    fileOf(root, 'test', 'hostile/gateway-rights.test.ts')
  ]
  return total(await runTestFiles({ files, env, ...times, concurrency: concurrencyOf(env), write, say }))
}

/** The cluster's port and whole installations on a real Kubernetes, of which there is one. */
export async function testKubernetes({ root, env, write, say }) {
  const files = wholeFiles(root, 'kubernetes')
  return total(await runTestFiles({ files, env, ...times, concurrency: 1, write, say }))
}

/** OpenFaaS' own command line and watchdogs against a whole installation. */
export async function testOpenFaas({ root, env, write, say }) {
  return total(await runTestFiles({ files: wholeFiles(root, 'openfaas'), env, ...times, concurrency: 1, write, say }))
}

/** The same watchdogs with functions on a real Kubernetes, of which there is one. */
export async function testOpenFaasOnKubernetes({ root, env, write, say }) {
  const files = wholeFiles(root, 'openfaas-kubernetes')
  return total(await runTestFiles({ files, env, ...times, concurrency: 1, write, say }))
}

/** What is shipped: the image of the services, and the chart. */
export async function testShip({ root, env, write, say }) {
  const files = wholeFiles(root, 'ship')
  return total(await runTestFiles({ files, env, ...times, concurrency: 1, write, say }))
}

function concurrencyOf(env) {
  return Number(env.SLIPWAY_TEST_CONCURRENCY) || Math.min(cpus().length, 4)
}

function tell(group, results, seconds, say) {
  const { passed, failed } = total(results)
  const counts = `${String(passed).padStart(5)} passed, ${String(failed).padStart(3)} failed`
  say(`${group.padEnd(9)} ${counts}  ${seconds.toFixed(1).padStart(6)} s`)
  for (const fault of faultsOf(results)) say(`  ${fault}`)
}

const secondsSince = (start) => (performance.now() - start) / 1000
