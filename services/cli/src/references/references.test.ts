import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { settingGroups } from '../configuration/catalog.ts'
import { references } from './references.ts'

for (const [path, make] of Object.entries(references)) {
  test(`${path} is what the code makes of itself now ("npm run docs" writes it anew)`, async () => {
    assert.equal(await readFile(new URL(`../../../../${path}`, import.meta.url), 'utf8'), make())
  })
}

test('every setting says what it is for', () => {
  const silent = settingGroups().flatMap(({ settings }) =>
    settings.flatMap(({ name, schema }) => ((schema.description ?? '') === '' ? [name] : []))
  )
  assert.deepEqual(silent, [])
})
