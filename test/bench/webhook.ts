import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { Failure } from '@slipway/domain'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { comparedSpreads, percentile } from './result.ts'
import type { LoadOrder, LoadReport } from './webhook-load.ts'
import { startDebians, startOurs, type WebhookServer } from './webhook-servers.ts'

const secret = 'the webhooks of the benchmark are signed'
const connections = 50
/** Of one run: some seconds at either server's speed. */
const requestsPerRun = 10_000
const warmUpRequests = 5000
const runsLimit = 6

/**
 * `webhook-rps`, `webhook-p99`: how fast a push is acknowledged, and how long the slowest of a hundred waits.
 *
 * Ours is the receiver in a process of its own, with a store in a file that syncs before the answer and one log line a delivery;
 * against Debian's `webhook` with a rule that verifies the same signature and a command that does nothing. Both are sent the same
 * requests over 50 connections, one at a time on each: signed pushes of 10 KB, every one with a new delivery id and another commit,
 * prepared before the first is sent by a process of its own. After a warm-up both take turns, several times, and whoever's turn it is not
 * does nothing. Values are medians of the runs. Afterwards the store must hold a delivery and a build for every answer of 202.
 */
export const webhook: Benchmark = {
  names: ['webhook-rps', 'webhook-p99'],
  async run(context) {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-bench-webhook-'))
    const load = startLoad()
    const started: WebhookServer[] = []
    try {
      const ours = await startOurs(directory, secret)
      started.push(ours)
      const theirs = await startDebians(directory, secret)
      started.push(theirs)
      for (const { url } of [ours, theirs]) await refuseUnsigned(url)
      const measured = await takeTurns({ ours, theirs }, load, context)
      countRows(ours.store, measured.accepted)
      const comparison = 'webhook'
      return [
        comparedSpreads(
          { name: 'webhook-rps', unit: 'req/s', comparison, wanted: 'at least 2' },
          measured.ours.map(perSecond),
          measured.theirs.map(perSecond)
        ),
        comparedSpreads(
          { name: 'webhook-p99', unit: 'ms', comparison, wanted: 'below 1' },
          measured.ours.map(slowest),
          measured.theirs.map(slowest)
        )
      ]
    } finally {
      load.end()
      await Promise.all(started.map((server) => server.stop()))
      await rm(directory, { recursive: true, force: true })
    }
  }
}

const perSecond = ({ latenciesMs, durationMs }: LoadReport) => latenciesMs.length / (durationMs / 1000)
const slowest = ({ latenciesMs }: LoadReport) => percentile(latenciesMs, 0.99)

async function takeTurns(
  { ours, theirs }: { ours: WebhookServer; theirs: WebhookServer },
  load: ReturnType<typeof startLoad>,
  { rounds, isVerbose, say, signal }: BenchmarkContext
): Promise<{ ours: LoadReport[]; theirs: LoadReport[]; accepted: number }> {
  const runs = Math.min(rounds, runsLimit)
  say(`webhooks: ${runs} runs of ${requestsPerRun} requests for each server, ${warmUpRequests} to warm up`)
  const measured = { ours: [] as LoadReport[], theirs: [] as LoadReport[], accepted: 0 }
  let from = 0
  for (let run = 0; run <= runs; run++) {
    const count = run === 0 ? warmUpRequests : requestsPerRun
    const turns = [
      { server: ours, kept: measured.ours, status: '202' },
      { server: theirs, kept: measured.theirs, status: '200' }
    ]
    for (const { server, kept, status } of run % 2 === 0 ? turns : turns.toReversed()) {
      signal.throwIfAborted()
      const report = await load.send({ url: server.url, secret, connections, from, count })
      if (report.statuses[status] !== count)
        throw new Failure(
          'unavailable',
          `${server.name} answered ${JSON.stringify(report.statuses)} to ${count} requests`
        )
      if (isVerbose)
        say(`  ${server.name}: ${perSecond(report).toFixed(0)} req/s, p99 ${slowest(report).toFixed(1)} ms`)
      if (run > 0) kept.push(report)
      await server.settle()
    }
    measured.accepted += count
    from += count
  }
  return measured
}

/** A server that does not verify would be measured for nothing. */
async function refuseUnsigned(url: string): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': '0',
    'x-hub-signature-256': `sha256=${'0'.repeat(64)}`
  }
  const { status } = await fetch(url, { method: 'POST', headers, body: '{}' })
  if (status < 400) throw new Failure('unavailable', `${url} answered ${status} to a wrong signature`)
}

function countRows(file: string, expected: number): void {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    for (const table of ['deliveries', 'builds']) {
      const { count } = database.prepare(`select count(*) as count from ${table}`).get() as { count: number }
      if (count !== expected)
        throw new Failure(
          'unavailable',
          `${expected} deliveries were answered with 202, but there are ${count} ${table}`
        )
    }
  } finally {
    database.close()
  }
}

function startLoad() {
  const child = fork(fileURLToPath(new URL('./webhook-load.ts', import.meta.url)), { serialization: 'advanced' })
  const over = new AbortController()
  child.once('exit', () => over.abort(new Failure('unavailable', 'the load generator ended')))
  return {
    async send(order: LoadOrder): Promise<LoadReport> {
      child.send(order)
      try {
        const [report] = await once(child, 'message', { signal: over.signal })
        return report as LoadReport
      } catch (err) {
        throw over.signal.aborted ? over.signal.reason : err
      }
    },
    end: () => child.kill()
  }
}
