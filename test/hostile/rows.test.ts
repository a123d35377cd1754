import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)

test('every test that the table of hostile input names is there', async () => {
  const table = await readFile(new URL('README.md', import.meta.url), 'utf8')
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| sent'))
  assert.ok(rows.length >= 38, `${rows.length} rows`)
  const missing: string[] = []
  for (const row of rows) {
    const [, sent = '', tried = ''] = row.split(' | ').join('|').split('|')
    const named = [...tried.matchAll(/`([^`]+\.ts)`: ([^;|.]+)/g)]
    if (named.length === 0 && !/do(?:es)? not exist yet/.test(tried)) missing.push(`${sent}: names no test`)
    for (const [, path = '', name = ''] of named) {
      const source = (await readFile(new URL(path, root), 'utf8')).replaceAll('’', "'")
      if (!source.includes(name.trim().replaceAll('’', "'"))) missing.push(`${path} has no "${name.trim()}"`)
    }
  }
  assert.deepEqual(missing, [])
})
