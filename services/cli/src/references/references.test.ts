import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defaultPolicy, parseStack } from '@slipway/builder/stack'
import { settingGroups } from '../configuration/catalog.ts'
import { references } from './references.ts'
import { stackExample } from './stack.ts'

for (const [path, make] of Object.entries(references)) {
  test(`${path} is what the code makes of itself now ("npm run docs" writes it anew)`, async () => {
    assert.equal(await readFile(new URL(`../../../../${path}`, import.meta.url), 'utf8'), await make())
  })
}

test('every setting says what it is for', () => {
  const silent = settingGroups().flatMap(({ settings }) =>
    settings.flatMap(({ name, schema }) => ((schema.description ?? '') === '' ? [name] : []))
  )
  assert.deepEqual(silent, [])
})

test('the example of stack.yml is read without a word', () => {
  const options = { file: 'stack.yml', slug: 'alice', platform: 'linux/amd64', variables: {}, policy: defaultPolicy }
  const { functions, warnings } = parseStack(stackExample, options)
  assert.deepEqual(warnings, [])
  assert.deepEqual(functions[0]?.spec.environment, { GREETING: 'hello', write_timeout: '30s' })
})
