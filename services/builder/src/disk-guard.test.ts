import assert from 'node:assert/strict'
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createDiskGuard } from './disk-guard.ts'

const signal = new AbortController().signal
const places = async () => [{ what: 'the state directory', path: tmpdir() }]
const logger = createLogger('test', 'silent')

function guardForTest(minFreeBytes: number | null) {
  let cleaned = 0
  let now = 0
  const cleanUp = async () => {
    cleaned += 1
  }
  const guard = createDiskGuard({ places, minFreeBytes, cleanUp, now: () => now, logger })
  return {
    guard,
    cleaned: () => cleaned,
    pass: (ms: number) => {
      now += ms
    }
  }
}

test('with room enough nothing is cleaned up', async () => {
  const { guard, cleaned } = guardForTest(1)
  await guard(signal)
  assert.equal(cleaned(), 0)
})

test('without room it is cleaned up first, and then refused naming path, free and wanted space', async () => {
  const { bavail, bsize } = await statfs(tmpdir())
  const { guard, cleaned, pass } = guardForTest(10 * bavail * bsize)
  const isRefused = (err: unknown) =>
    err instanceof Failure &&
    err.code === 'disk-full' &&
    err.retry &&
    err.fault === 'ours' &&
    err.message.includes(`the state directory (${tmpdir()})`) &&
    /has [\d.]+ .iB free and a build wants [\d.]+ .iB/.test(err.message)
  await Promise.all([assert.rejects(guard(signal), isRefused), assert.rejects(guard(signal), isRefused)])
  assert.equal(cleaned(), 1, 'builds that begin together clean up once')
  await assert.rejects(guard(signal), isRefused)
  assert.equal(cleaned(), 1, 'not again at once')
  pass(61_000)
  await assert.rejects(guard(signal), isRefused)
  assert.equal(cleaned(), 2)
})
