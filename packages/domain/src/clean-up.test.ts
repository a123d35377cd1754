import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanUpAll, joinReports } from './clean-up.ts'

test('a part that fails leaves a problem behind and does not keep the others', async () => {
  const parts = {
    logs: async () => ({ count: 2 }),
    images: () => Promise.reject(new Error('the registry does not answer')),
    mirrors: async () => ({ count: 1, bytes: 10 })
  }
  const { removed, problems } = await cleanUpAll(parts, new AbortController().signal)
  assert.deepEqual(removed, [
    { what: 'logs', count: 2, bytes: null },
    { what: 'mirrors', count: 1, bytes: 10 }
  ])
  assert.deepEqual(problems, ['images: the registry does not answer'])
})

test('an aborted clean-up ends', async () => {
  const stop = new AbortController()
  const parts = {
    logs: async () => {
      stop.abort(new Error('shutdown'))
      return { count: 1 }
    },
    images: () => Promise.reject(new Error('must not be reached'))
  }
  await assert.rejects(cleanUpAll(parts, stop.signal), /shutdown/)
})

test('reports are joined without what nothing was removed of', () => {
  const one = { removed: [{ what: 'logs', count: 0, bytes: null }], problems: ['a'] }
  const two = { removed: [{ what: 'layers', count: 0, bytes: 5 }], problems: ['b'] }
  assert.deepEqual(joinReports([one, two]), { removed: [{ what: 'layers', count: 0, bytes: 5 }], problems: ['a', 'b'] })
})
