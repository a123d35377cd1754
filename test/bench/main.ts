/** Runs the benchmarks one after the other. README.md says how to read what it prints. */
import { parseArgs } from 'node:util'
import { Failure } from '@slipway/domain'
import type { Benchmark } from './benchmark.ts'
import { coldStart } from './cold-start.ts'
import { gateway } from './gateway.ts'
import { idleMemory } from './idle-memory.ts'
import { pushes } from './pushes.ts'
import { jsonLine, type Result, tableOf } from './result.ts'
import { webhook } from './webhook.ts'

const benchmarks: Benchmark[] = [idleMemory, webhook, pushes, coldStart, gateway]
const known = benchmarks.flatMap(({ names }) => names)

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '12' },
    only: { type: 'string', default: known.join() }
  }
})
const say = (line: string) => process.stderr.write(`${line}\n`)

async function runBenchmarks(): Promise<void> {
  const wanted = new Set(values.only.split(','))
  const rounds = Number(values.rounds)
  const unknown = [...wanted].filter((name) => !known.includes(name))
  if (unknown.length > 0)
    throw new Failure('invalid-request', `no benchmark is called ${unknown.join(', ')}: there are ${known.join(', ')}`)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Failure('invalid-request', `--rounds ${values.rounds} is not a number of rounds`)

  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Failure('cancelled', 'broken off')))
  process.once('SIGTERM', () => stop.abort(new Failure('cancelled', 'broken off')))
  const results: Result[] = []
  for (const { names, run } of benchmarks) {
    if (!names.some((name) => wanted.has(name))) continue
    const measured = await run({ rounds, isVerbose: values.verbose, say, signal: stop.signal })
    results.push(...measured.filter(({ name }) => wanted.has(name)))
    if (values.json)
      for (const result of measured) if (wanted.has(result.name)) process.stdout.write(`${jsonLine(result)}\n`)
  }
  const write = values.json ? say : (text: string) => process.stdout.write(`${text}\n`)
  write(tableOf(results.toSorted((a, b) => known.indexOf(a.name) - known.indexOf(b.name))))
}

try {
  await runBenchmarks()
} catch (err) {
  const told = err instanceof Failure ? err.message : err instanceof Error ? (err.stack ?? err.message) : String(err)
  say(`the benchmark could not be carried out: ${told}`)
  process.exitCode = 1
}
