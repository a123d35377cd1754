/**
 * The load generator: a process of its own, so that neither server's work is done in it. It is told what to send by messages,
 * prepares and signs everything before it sends the first request, and answers with what it saw.
 */
import autocannon from 'autocannon'
import { createRequests } from './webhook-requests.ts'

export interface LoadOrder {
  url: string
  secret: string
  connections: number
  /** Requests `from` to `from + count - 1` of all there are. */
  from: number
  count: number
}

export interface LoadReport {
  /** From the first request to the last answer. */
  durationMs: number
  /** Of every answer, as they came. */
  latenciesMs: number[]
  /** How many answers had which status. */
  statuses: Record<string, number>
  /** Connections that broke or timed out. */
  errors: number
}

function load({ url, secret, connections, from, count }: LoadOrder): Promise<LoadReport> {
  const requests = createRequests(secret)
  const prepared = Array.from({ length: count }, (_none, i) => requests.prepare(from + i))
  const report: LoadReport = { durationMs: 0, latenciesMs: [], statuses: {}, errors: 0 }
  const queue = prepared.values()
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const setupRequest = (request: autocannon.Request) => {
      const next = queue.next()
      if (next.done) throw new Error('more requests were sent than there are')
      const { headers, body } = next.value()
      return { ...request, method: 'POST' as const, headers, body }
    }
    const options = { url, connections, amount: count, timeout: 30, requests: [{ setupRequest }] }
    const running = autocannon(options, (err) => {
      if (err) reject(err as Error)
      else resolve(report)
    })
    running.on('response', (_client, status, _bytes, ms) => {
      report.latenciesMs.push(ms)
      report.statuses[status] = (report.statuses[status] ?? 0) + 1
      report.durationMs = performance.now() - startedAt
    })
    running.on('reqError', () => {
      report.errors += 1
    })
  })
}

process.on('message', (order: LoadOrder) => {
  void load(order).then((report) => process.send?.(report))
})
process.once('disconnect', () => process.exit())
