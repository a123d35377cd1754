import type { Readable } from 'node:stream'
import { type RuntimeLogOptions, runtimeLineLimit } from '@slipway/domain'
import type { StampedLine } from '../log-order.ts'
import { pause } from '../pause.ts'
import { type Engine, statusOf } from './engine.ts'

const reattachMs = 500

/** What one container printed. Following ends when the container is gone, and goes on when it is started again. */
export async function* containerLogs(
  engine: Engine,
  container: { id: string; instance: string },
  options: RuntimeLogOptions,
  signal: AbortSignal
): AsyncGenerator<StampedLine> {
  let last = ''
  let since = options.since
  let tail = options.tail
  for (;;) {
    let stream: Readable
    try {
      stream = await openLogs(engine, container.id, { follow: options.follow, since, tail }, signal)
    } catch (err) {
      if (statusOf(err) === 404 || statusOf(err) === 409) return
      throw err
    }
    const told = last
    for await (const line of linesOf(stream, container.instance)) {
      if (line.stamp <= told) continue // before the stream was opened again
      if (line.stamp > last) last = line.stamp
      since = line.at
      yield line
    }
    if (!options.follow) return
    tail = null
    await pause(reattachMs, signal)
  }
}

async function openLogs(
  engine: Engine,
  id: string,
  { follow, since, tail }: RuntimeLogOptions,
  signal: AbortSignal
): Promise<Readable> {
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    follow,
    ...(since === null ? {} : { since: (since / 1000).toFixed(3) }),
    ...(tail === null ? {} : { tail })
  }
  // dockerode's own call reads logs that are not followed into memory as a whole.
  return await engine.call('read logs', signal, (docker) => {
    const opened = new Promise<Readable>((resolve, reject) => {
      docker.modem.dial(
        {
          path: `/containers/${id}/logs?`,
          method: 'GET',
          options: query,
          abortSignal: signal,
          isStream: true,
          statusCodes: { 200: true, 404: 'no such container', 409: 'being removed', 500: 'server error' }
        },
        (err: unknown, stream: unknown) => {
          if (err === null || err === undefined) resolve(stream as Readable)
          else reject(err)
        }
      )
    })
    return opened
  })
}

/** Docker's multiplexed stream: a header of 8 bytes (stream, 0, 0, 0, length) before each message. */
async function* framesOf(stream: Readable): AsyncGenerator<{ stream: 'stdout' | 'stderr'; text: string }> {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, Buffer.from(chunk)])
    let at = 0
    while (rest.length - at >= 8) {
      const length = rest.readUInt32BE(at + 4)
      if (rest.length - at < 8 + length) break
      yield { stream: rest[at] === 2 ? 'stderr' : 'stdout', text: rest.toString('utf8', at + 8, at + 8 + length) }
      at += 8 + length
    }
    rest = rest.subarray(at)
  }
}

/** A message is `<time> <text>` and ends in a line feed, unless the line goes on in the stream's next message. */
export async function* linesOf(stream: Readable, instance: string): AsyncGenerator<StampedLine> {
  const begun: Record<'stdout' | 'stderr', StampedLine | null> = { stdout: null, stderr: null }
  for await (const frame of framesOf(stream)) {
    const space = frame.text.indexOf(' ')
    const stamp = frame.text.slice(0, space)
    const isEnd = frame.text.endsWith('\n')
    const text = frame.text.slice(space + 1, isEnd ? -1 : undefined)
    const line = begun[frame.stream] ?? { at: Date.parse(stamp), stamp, instance, stream: frame.stream, text: '' }
    line.text += text
    const isWhole = isEnd || line.text.length >= runtimeLineLimit
    begun[frame.stream] = isWhole ? null : line
    if (isWhole) yield { ...line, text: line.text.replace(/\r$/, '') }
  }
  for (const line of Object.values(begun)) if (line !== null) yield line
}
