import type { IncomingMessage } from 'node:http'
import { Failure, type RuntimeLogLine, type RuntimeLogOptions } from '@slipway/domain'
import Type from 'typebox'
import Value from 'typebox/value'
import { pause } from '../pause.ts'
import { type Asked, type OpenFaasClient, parsed } from './client.ts'
import type { FunctionName, OpenFaasGateway } from './gateway.ts'

const Message = Type.Object({
  instance: Type.Optional(Type.String()),
  timestamp: Type.String(),
  text: Type.String()
})

/** A gateway's stream of a function that is gone does not end: it is looked after beside it. */
const lookMs = 1000
const keptLines = 20
const lineLimit = 4 * 1024 * 1024
/** Without a time some gateways tell the last minutes only. */
const longAgo = new Date(0).toISOString()

/** What a function printed, oldest first. Both of its streams come as one. */
export async function* functionLogs(
  { client, gateway }: { client: OpenFaasClient; gateway: Pick<OpenFaasGateway, 'find'> },
  which: FunctionName,
  options: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<RuntimeLogLine> {
  if (!options.follow) {
    yield* inOrder(await Array.fromAsync(messages(client, which, options, signal)), options.tail)
    return
  }
  const gone = new AbortController()
  const over = AbortSignal.any([signal, gone.signal])
  const watch = untilGone(gateway, which, over).then(
    () => gone.abort(),
    (err: unknown) => gone.abort(err)
  )
  let since = options.since
  let tail = options.tail
  try {
    // A gateway ends a stream at its own time limit: it is opened again where it was.
    for (let atLast = new Set<string>(); !over.aborted; await pause(lookMs, over)) {
      const before = since
      for await (const line of messages(client, which, { follow: true, since, tail }, over)) {
        const key = `${line.instance} ${line.text}`
        if (line.at === before && atLast.has(key)) continue
        if (line.at !== since) atLast = new Set()
        atLast.add(key)
        since = Math.max(line.at, since ?? 0)
        yield line
      }
      tail = null
    }
  } catch (err) {
    if (!over.aborted) throw err
  } finally {
    gone.abort()
    await watch
  }
}

/** Its last lines, for who wonders why it did not start. */
export async function lastLines(client: OpenFaasClient, which: FunctionName, signal: AbortSignal): Promise<string[]> {
  const options = { follow: false, since: null, tail: keptLines }
  const lines = inOrder(await Array.fromAsync(messages(client, which, options, signal)), keptLines)
  return lines.slice(-keptLines).map(({ text }) => text)
}

async function untilGone(gateway: Pick<OpenFaasGateway, 'find'>, which: FunctionName, over: AbortSignal) {
  while (await isThere(gateway, which, over)) await pause(lookMs, over)
}

/** While the gateway does not answer nobody knows better. */
async function isThere(gateway: Pick<OpenFaasGateway, 'find'>, which: FunctionName, signal: AbortSignal) {
  try {
    return (await gateway.find(which, signal)) !== null
  } catch (err) {
    if (err instanceof Failure && err.retry) return true
    throw err
  }
}

/** By time, and of each replica only the last ones: not all gateways count by replica. */
function inOrder(lines: RuntimeLogLine[], tail: number | null): RuntimeLogLine[] {
  const byTime = lines.toSorted((a, b) => a.at - b.at)
  if (tail === null) return byTime
  const byInstance = Map.groupBy(byTime, ({ instance }) => instance)
  const kept = new Set([...byInstance.values()].flatMap((of) => of.slice(-tail)))
  return byTime.filter((line) => kept.has(line))
}

async function* messages(
  client: OpenFaasClient,
  { name, namespace }: FunctionName,
  { follow, since, tail }: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<RuntimeLogLine> {
  const asked: Asked = {
    method: 'GET',
    path: '/system/logs',
    query: {
      name,
      ...(namespace === null ? {} : { namespace }),
      follow: String(follow),
      ...(tail === null ? {} : { tail: String(tail) }),
      ...(tail !== null && since === null ? {} : { since: since === null ? longAgo : new Date(since).toISOString() })
    }
  }
  const response = await client.open(asked, signal)
  // A function without a replica has no log, and gateways say so as an error.
  if (response.statusCode !== 200) {
    response.resume()
    return
  }
  try {
    for await (const line of linesOf(response)) {
      const value = parsed(line)
      if (!Value.Check(Message, value)) continue
      const at = Date.parse(value.timestamp)
      // Of times gateways may know the second only.
      if (Number.isNaN(at) || at < (since ?? 0)) continue
      yield { at, instance: value.instance || name, stream: 'stdout', text: value.text.replace(/\r?\n$/, '') }
    }
  } catch (err) {
    // A stream that breaks off has ended: whoever follows it opens it again.
    if (!(err instanceof Error) || signal.aborted) throw err
  } finally {
    response.destroy()
  }
}

/** A line that is longer than any message is left out: it cannot be read anyway. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of response as AsyncIterable<Buffer>) {
    const [first = '', ...others] = decoder.decode(part, { stream: true }).split('\n')
    rest += first
    for (const next of others) {
      yield rest
      rest = next
    }
    if (rest.length > lineLimit) rest = ''
  }
  yield rest
}
