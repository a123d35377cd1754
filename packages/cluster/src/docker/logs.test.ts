import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { asTheyCome, inTimeOrder, type StampedLine } from '../log-order.ts'
import { linesOf } from './logs.ts'

function frame(stream: 1 | 2, text: string): Buffer {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

const stamp = (second: number) => `2026-11-22T10:00:${String(second).padStart(2, '0')}.000000000Z`

async function linesOfFrames(bytes: Buffer, chunkSize: number): Promise<[string, string][]> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, index) =>
    bytes.subarray(index * chunkSize, (index + 1) * chunkSize)
  )
  const lines = await Array.fromAsync(linesOf(Readable.from(chunks), 'one'))
  return lines.map(({ stream, text }) => [stream, text])
}

test('lines are read wherever the network cuts the stream', async () => {
  const bytes = Buffer.concat([
    frame(1, `${stamp(1)} first ü\n`),
    frame(2, `${stamp(2)} \n`),
    frame(1, `${stamp(3)} a `),
    frame(2, `${stamp(3)} between\r\n`),
    frame(1, `${stamp(4)} b\n`),
    frame(1, `${stamp(5)} no end`)
  ])
  for (const size of [1, 7, 8, 100, 10_000]) {
    assert.deepEqual(await linesOfFrames(bytes, size), [
      ['stdout', 'first ü'],
      ['stderr', ''],
      ['stderr', 'between'],
      ['stdout', 'a b'],
      ['stdout', 'no end']
    ])
  }
})

test('a line has the time at which it began', async () => {
  const bytes = Buffer.concat([frame(1, `${stamp(3)} a`), frame(1, `${stamp(4)} b\n`)])
  const [line] = await Array.fromAsync(linesOf(Readable.from([bytes]), 'one'))
  assert.equal(line?.at, Date.parse('2026-11-22T10:00:03Z'))
})

async function* log(instance: string, seconds: number[]): AsyncGenerator<StampedLine> {
  await Promise.resolve()
  for (const second of seconds) {
    yield {
      at: Date.parse(stamp(second)),
      stamp: stamp(second),
      instance,
      stream: 'stdout',
      text: `${instance}${second}`
    }
  }
}

test('logs of several replicas are merged by time, or as they come', async () => {
  const logs = () => [log('a', [1, 4, 5]), log('b', [2, 3, 6]), log('c', [])]
  const merged = await Array.fromAsync(inTimeOrder(logs()))
  assert.deepEqual(
    merged.map(({ text }) => text),
    ['a1', 'b2', 'b3', 'a4', 'a5', 'b6']
  )
  const followed = await Array.fromAsync(asTheyCome(logs()))
  assert.deepEqual(followed.map(({ text }) => text).toSorted(), ['a1', 'a4', 'a5', 'b2', 'b3', 'b6'])
})
