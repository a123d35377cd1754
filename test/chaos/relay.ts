import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival } from './plan.ts'

/** Stands between forge and receiver: brings deliveries late, out of order and more than once. */
export interface Relay {
  readonly url: string
  /** How the delivery of a commit's push shall arrive. Others arrive once and at once. */
  expect(commit: string, arrival: Arrival): void
  /** What was sent on so far, and how many of it the receiver took (2xx). */
  counts(): { deliveries: number; sent: number; taken: number; refused: Record<string, number> }
  /** Commits of which no delivery was taken. */
  lost(): Set<string>
  settled(): Promise<void>
  close(): Promise<void>
}

interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

export async function createRelay(target: string, isRedelivering: boolean): Promise<Relay> {
  const arrivals = new Map<string, Arrival>()
  const underWay = new Set<Promise<unknown>>()
  const known = new Set<string>()
  const taken = new Set<string>()
  const counts = { deliveries: 0, sent: 0, taken: 0 }
  const refused: Record<string, number> = {}

  /** What nobody took is sent again, as a forge's user may ask for. */
  async function sendUntilTaken(from: IncomingMessage, body: Buffer, commit: string | null): Promise<Answer | null> {
    for (;;) {
      const answer = await send(from, body, commit)
      if (!isRedelivering || (answer !== null && answer.status < 500)) return answer
      await sleep(1000)
    }
  }

  async function send(from: IncomingMessage, body: Buffer, commit: string | null): Promise<Answer | null> {
    counts.sent += 1
    const answer = await post(target, from, body)
    if (answer !== null && answer.status < 300) {
      counts.taken += 1
      if (commit !== null) taken.add(commit)
    } else {
      const why = String(answer?.status ?? 'no answer')
      refused[why] = (refused[why] ?? 0) + 1
    }
    return answer
  }

  /** The forge is told what became of the first copy, as if there were no other. */
  async function relay(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = await readBody(from)
    const commit = commitOf(body)
    if (commit !== null) known.add(commit)
    counts.deliveries += 1
    const { afterMs } = (commit === null ? undefined : arrivals.get(commit)) ?? { afterMs: [0] }
    if (commit !== null) arrivals.delete(commit)
    const [first] = await Promise.all(
      afterMs.map(async (ms) => {
        if (ms > 0) await sleep(ms)
        return sendUntilTaken(from, body, commit)
      })
    )
    if (first == null) to.destroy()
    else to.writeHead(first.status, first.headers).end(first.body)
  }

  const server = createServer((from, to) => {
    const work = relay(from, to)
      .catch(() => to.destroy()) // the forge went away: there is nobody to tell
      .finally(() => underWay.delete(work))
    underWay.add(work)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  async function settled(): Promise<void> {
    while (underWay.size > 0) await Promise.all(underWay)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    expect(commit, arrival) {
      arrivals.set(commit, arrival)
    },
    counts: () => ({ ...counts, refused: { ...refused } }),
    lost: () => new Set([...known].filter((commit) => !taken.has(commit))),
    settled,
    async close() {
      await settled()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

function post(target: string, from: IncomingMessage, body: Buffer): Promise<Answer | null> {
  const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = from.headers
  const { promise, resolve } = Promise.withResolvers<Answer | null>()
  async function read(res: IncomingMessage): Promise<void> {
    const type = res.headers['content-type']
    try {
      const bytes = await readBody(res)
      resolve({ status: res.statusCode ?? 0, headers: type === undefined ? {} : { 'content-type': type }, body: bytes })
    } catch {
      resolve(null) // killed in the middle of its answer
    }
  }
  const req = request(
    new URL(from.url ?? '/', target),
    { method: from.method, headers: { ...headers, 'content-length': body.length }, timeout: 10_000, agent: false },
    (res) => void read(res)
  )
  req.on('timeout', () => req.destroy())
  req.on('error', () => resolve(null))
  req.end(body)
  return promise
}

async function readBody(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The commit that a push event is about. */
function commitOf(body: Buffer): string | null {
  const event: unknown = JSON.parse(body.toString())
  if (typeof event !== 'object' || event === null || !('after' in event)) return null
  return typeof event.after === 'string' ? event.after : null
}
