import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { ensureToken } from './administrator.ts'

test('the token is made once, readable by its owner alone, and an empty file is refused', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-token-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const made = await ensureToken(home)
  assert.match(made, /^slw_.{40,}$/)
  assert.equal(await ensureToken(home), made)
  assert.equal((await stat(join(home, 'admin-token'))).mode & 0o777, 0o600)
  assert.equal((await readFile(join(home, 'admin-token'), 'utf8')).trim(), made)
  await writeFile(join(home, 'admin-token'), '\n')
  const refused = (words: RegExp) => (err: unknown) =>
    err instanceof Failure && err.code === 'invalid-configuration' && words.test(err.message)
  await assert.rejects(ensureToken(home), refused(/holds no token/))
  await writeFile(join(home, 'admin-token'), `${'changeme-'.repeat(4)}\n`)
  await assert.rejects(ensureToken(home), refused(/anybody would guess .* remove the file/))
})

test('a token that is given makes no file, and a guessable one is refused', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-token-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const given = `slw_${randomBytes(32).toString('base64url')}`
  assert.equal(await ensureToken(home, given), given)
  await assert.rejects(stat(join(home, 'admin-token')), { code: 'ENOENT' })
  await assert.rejects(ensureToken(home, 'changeme-'.repeat(4)), { message: /anybody would guess .* ADMIN_TOKEN/ })
})
