import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLocalForge } from './index.ts'
import { createWorkingCopy, logger } from './local-forge.fixture.ts'

async function temporaryRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'local-forge-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  return root
}

test('a restart keeps ids, names, credentials, the App’s key, commits and what stands on them', async (t) => {
  const root = await temporaryRoot(t)
  const copy = await createWorkingCopy(t)
  const first = await createLocalForge({ kind: 'github', root, logger })
  const { id, owner, cloneUrl } = await first.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  const headers = { authorization: `Bearer ${first.developer.token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ state: 'success', context: 'slipway/stack' })
  await fetch(`${first.apiUrl}/repos/acme/hello/statuses/${commit}`, { method: 'POST', headers, body })
  const installation = first.installationOf('acme')
  await first.close()

  const second = await createLocalForge({ kind: 'github', root, logger })
  const found = second.repository('acme/hello')
  const made = await second.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  const refs = await copy.git('ls-remote', found.cloneUrl, 'refs/heads/main')
  const statuses = second.statuses(id, commit)
  await second.close()
  assert.deepEqual([found.id, found.owner.id], [id, owner.id])
  assert.deepEqual([second.developer, second.app], [first.developer, first.app])
  assert.deepEqual(second.installationOf('acme'), installation)
  assert.ok(made.id > id)
  assert.equal(refs, `${commit}\trefs/heads/main`)
  assert.deepEqual(
    statuses.map(({ context, state }) => [context, state]),
    [['slipway/stack', 'success']]
  )
})

test('a directory of the other kind of forge, or a file that is none of ours, is refused', async (t) => {
  const root = await temporaryRoot(t)
  const forge = await createLocalForge({ kind: 'github', root, logger })
  await forge.close()
  await assert.rejects(createLocalForge({ kind: 'gitlab', root, logger }), { code: 'invalid-configuration' })
  const file = join(root, 'forge.json')
  assert.equal((await stat(file)).mode & 0o077, 0)
  for (const text of ['{', '{"kind":"github"}']) {
    await writeFile(file, text)
    await assert.rejects(createLocalForge({ kind: 'github', root, logger }), { code: 'invalid-configuration' })
  }
})

test('as a process of its own it says where its credentials are, and ends when it is told to', async (t) => {
  const root = await temporaryRoot(t)
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const env = {
    PATH: process.env.PATH ?? '',
    KIND: 'gitlab',
    ROOT: root,
    PORT: '0',
    WEBHOOK_URL: 'http://127.0.0.1:1/'
  }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let log = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (log.includes('credentials.json')) resolve()
    })
    child.once('exit', () => reject(new Error(`ended early: ${log}`)))
  })
  const file = join(root, 'credentials.json')
  const credentials = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>
  assert.equal((await stat(file)).mode & 0o077, 0)
  assert.ok(!log.includes(credentials.accessToken ?? ''))
  const headers = { 'private-token': credentials.accessToken ?? '' }
  assert.equal((await fetch(`${credentials.apiUrl}/user`, { headers })).status, 200)
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
})
