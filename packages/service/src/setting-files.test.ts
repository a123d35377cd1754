import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import Type from 'typebox'
import { loadConfig } from './config.ts'
import { withSettingFiles } from './setting-files.ts'

async function directoryFor(t: { after(close: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'setting-files-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

test('a setting comes from the file that <name>_FILE names, without the end of its last line', async (t) => {
  const directory = await directoryFor(t)
  const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----'
  await writeFile(join(directory, 'key'), `${key}\n`)
  await writeFile(join(directory, 'port'), '9000')
  const schema = Type.Object({ KEY: Type.String(), PORT: Type.Integer(), OTHER: Type.Optional(Type.String()) })
  const env = { KEY_FILE: join(directory, 'key'), PORT_FILE: join(directory, 'port'), OTHER_FILE: '' }
  assert.deepEqual(loadConfig(schema, env), { KEY: key, PORT: 9000 })
})

test('a file that cannot be read or is empty, and a setting that is given twice, are named without a value', async (t) => {
  const directory = await directoryFor(t)
  const path = join(directory, 'secret')
  await writeFile(path, '\n')
  const refused = (env: Record<string, string>, message: RegExp) =>
    assert.throws(() => withSettingFiles(env, ['TOKEN']), { code: 'invalid-configuration', message })
  refused({ TOKEN_FILE: join(directory, 'missing') }, /TOKEN_FILE names cannot be read \(ENOENT\)/)
  refused({ TOKEN_FILE: path }, /TOKEN_FILE names is empty/)
  refused({ TOKEN_FILE: path, TOKEN: 'hunter2' }, /^set either TOKEN or TOKEN_FILE, not both$/)
})
