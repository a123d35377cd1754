/**
 * The load generator: a process of its own, so that neither server's work is done in it. It is told what to send by messages,
 * prepares and signs everything before it sends the first request, and answers with what it saw. It speaks no more HTTP than
 * the two servers need, for it shares the machine with them, and what it takes is missing there.
 */
import { createConnection } from 'node:net'
import { createRequests, type Prepared } from './webhook-requests.ts'

export interface LoadOrder {
  url: string
  secret: string
  /** Each sends one request at a time, and the next when its answer has come. */
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
}

async function load({ url, secret, connections, from, count }: LoadOrder): Promise<LoadReport> {
  const prepare = createRequests(url, secret)
  const queue = Array.from({ length: count }, (_none, i) => prepare(from + i)).values()
  const report: LoadReport = { durationMs: 0, latenciesMs: [], statuses: {} }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: connections }, () => sendAll(url, queue, report)))
  report.durationMs = performance.now() - startedAt
  return report
}

/** Takes requests from the queue until it is empty. */
function sendAll(url: string, queue: Iterator<Prepared>, report: LoadReport): Promise<void> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true })
    let sentAt = 0
    let answer = ''
    const sendNext = () => {
      const next = queue.next()
      if (next.done === true) {
        socket.end()
        return resolve()
      }
      const bytes = next.value()
      sentAt = performance.now()
      socket.write(bytes)
    }
    socket.setEncoding('latin1')
    socket.on('connect', sendNext)
    socket.on('data', (piece: string) => {
      answer += piece
      const status = statusOfWhole(answer)
      if (status === null) return
      report.latenciesMs.push(performance.now() - sentAt)
      report.statuses[status] = (report.statuses[status] ?? 0) + 1
      answer = ''
      sendNext()
    })
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the server closed a connection')))
  })
}

/** null: the answer is not whole yet. */
function statusOfWhole(answer: string): string | null {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1]
  if (length === undefined) throw new Error(`an answer without a length: ${answer.slice(0, 500)}`)
  return answer.length < end + 4 + Number(length) ? null : answer.slice(9, 12)
}

process.on('message', (order: LoadOrder) => {
  void load(order).then((report) => process.send?.(report))
})
process.once('disconnect', () => process.exit())
