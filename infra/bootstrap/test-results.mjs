import { stripVTControlCharacters } from 'node:util'
import { filesOf } from './workspaces.mjs'

/**
 * What node:test prints last, in its own words (`ℹ pass 3` by the spec reporter, `# pass 3` by tap), perhaps behind the prefix that turbo
 * puts before every line. Only a whole block counts: a line that a test printed by itself does not.
 */
const summary = /(?:^[^\n]*?(?:ℹ|#) (?:tests|suites|pass|fail|cancelled|skipped|todo) \d+\n){7}/gm

/** The last summary in what one test run printed; null when it ended without one. */
export function readSummary(output) {
  const block = stripVTControlCharacters(output).match(summary)?.at(-1)
  if (block === undefined) return null
  const number = (name) => Number(new RegExp(`(?:ℹ|#) ${name} (\\d+)`).exec(block)[1])
  return {
    tests: number('tests'),
    passed: number('pass'),
    failed: number('fail') + number('cancelled'),
    left: number('skipped') + number('todo')
  }
}

/**
 * Judges one test run. A run that ended without a summary, ran no test, or ended badly without naming a failed test counts as a failed one:
 * nothing is skipped silently.
 */
export function judge(name, { code, output }) {
  const result = readSummary(output)
  const failure = (reason) => ({ name, passed: result?.passed ?? 0, failed: Math.max(1, result?.failed ?? 0), reason })
  if (result === null) return failure(`ended without a summary (exit code ${code})`)
  if (result.tests === 0) return failure('ran no test')
  if (result.left > 0) return { ...failure(`${result.left} left out`), failed: result.failed + result.left }
  if (code !== 0 && result.failed === 0) return failure(`ended with exit code ${code}`)
  return {
    name,
    passed: result.passed,
    failed: result.failed,
    reason: result.failed > 0 ? `${result.failed} failed` : null
  }
}

export function faultsOf(results) {
  return results.filter(({ failed }) => failed > 0).map(({ name, reason }) => `${name}: ${reason}`)
}

export function total(results) {
  return results.reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }), {
    passed: 0,
    failed: 0
  })
}

/** Workspaces that have test files of a kind, and whether their package.json runs them. */
export function testedWorkspaces(all, script, suffixes) {
  return all
    .filter(({ directory }) => [...filesOf(directory)].some((file) => suffixes.some((suffix) => file.endsWith(suffix))))
    .map((workspace) => ({ ...workspace, hasScript: workspace.manifest.scripts?.[script] !== undefined }))
}

/** What turbo printed, per workspace: its lines begin with `<name>:<task>: `. */
export function splitTurboOutput(output, task) {
  const parts = new Map()
  for (const line of stripVTControlCharacters(output).split('\n')) {
    const match = /^(\S+?):([\w:]+): ?(.*)$/.exec(line)
    if (match === null || match[2] !== task) continue
    parts.set(match[1], `${parts.get(match[1]) ?? ''}${match[3]}\n`)
  }
  return parts
}
