import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeTrace } from './buildkit-trace.ts'
import { readFields, writeTexts } from './protobuf.ts'

/** A message as BuildKit sends it: fields by number; numbers as variable-length integers. */
function message(...fields: [number, number | string | Buffer][]): Buffer {
  const parts = fields.map(([number, value]) => {
    if (typeof value === 'number') return Buffer.concat([Buffer.from([number * 8]), varint(value)])
    const bytes = Buffer.from(value)
    return Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes])
  })
  return Buffer.concat(parts)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 128n; rest /= 128n) bytes.push(Number(rest % 128n) + 128)
  return Buffer.from([...bytes, Number(rest)])
}

test('steps, their times and what they printed are read from a trace', () => {
  const time = message([1, 1_700_000_000], [2, 500_000_000])
  const vertex = message(
    [1, 'sha256:aa'],
    [2, 'sha256:bb'],
    [3, '[2/3] RUN true'],
    [4, 1],
    [5, time],
    [6, time],
    [7, 'no']
  )
  const log = message([1, 'sha256:aa'], [2, time], [3, 2], [4, 'hëllo\n'])
  const bytes = message([1, vertex], [2, message([1, 'layer'], [4, 17])], [3, log])
  const at = 1_700_000_000_500
  assert.deepEqual(decodeTrace(bytes.toString('base64')), {
    vertexes: [
      { digest: 'sha256:aa', name: '[2/3] RUN true', isCached: true, startedAt: at, completedAt: at, error: 'no' }
    ],
    logs: [{ vertex: 'sha256:aa', stream: 'stderr', bytes: Buffer.from('hëllo\n') }]
  })
})

test('bytes that are no trace are a RangeError, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeTrace(Buffer.from(bytes).toString('base64'))
      } catch (err) {
        assert.ok(err instanceof RangeError, String(err))
      }
    }),
    { numRuns: 2000 }
  )
})

test('texts that are written are read back, empty ones are left out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const read = [...readFields(writeTexts({ 1: text, 2: '' }))].map(({ number, value }) => [number, String(value)])
      assert.deepEqual(read, text === '' ? [] : [[1, text]])
    })
  )
})
