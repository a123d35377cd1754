import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { keptDirectory, makeKept } from './kept.mjs'

function placeOf(t) {
  const cache = mkdtempSync(join(tmpdir(), 'slipway-kept-'))
  t.after(() => rmSync(cache, { recursive: true, force: true }))
  return keptDirectory({ env: { XDG_CACHE_HOME: cache } }, 'program-1')
}

test('two commands that make the same thing at once both end well, and one of them made it', async (t) => {
  const directory = placeOf(t)
  const both = Promise.withResolvers()
  let begun = 0
  const make = (who) => async (beside) => {
    writeFileSync(join(beside, 'who'), who)
    if (++begun === 2) both.resolve()
    await both.promise
  }
  await Promise.all([makeKept(directory, make('first')), makeKept(directory, make('second'))])
  assert.match(readFileSync(join(directory, 'who'), 'utf8'), /^(first|second)$/)
  assert.deepEqual(readdirSync(join(directory, '..')), ['program-1'])
})

test('what cannot be made leaves nothing, and says why', async (t) => {
  const directory = placeOf(t)
  const failing = makeKept(directory, async (beside) => {
    writeFileSync(join(beside, 'half'), '')
    throw new Error('no space')
  })
  await assert.rejects(failing, /no space/)
  assert.ok(!existsSync(directory))
  assert.deepEqual(readdirSync(join(directory, '..')), [])
})
