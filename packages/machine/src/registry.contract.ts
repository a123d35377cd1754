import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { startRegistry } from './registry.ts'

test('a registry keeps what was pushed from one start to the next', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRegistry({ directory })
  t.after(() => first.stop())
  assert.equal(first.host, `127.0.0.1:${first.port}`)
  const digest = await pushBlob(first.host, 'hello')
  await first.stop()
  const second = await startRegistry({ directory, port: first.port })
  t.after(() => second.stop())
  assert.equal(await (await fetch(`http://${second.host}/v2/a/b/blobs/${digest}`)).text(), 'hello')
})

test('what is in the registry can be deleted', async (t) => {
  const registry = await startRegistry({ directory: await directoryFor(t) })
  t.after(() => registry.stop())
  const digest = await pushBlob(registry.host, 'hello')
  const answer = await fetch(`http://${registry.host}/v2/a/b/blobs/${digest}`, { method: 'DELETE' })
  assert.equal(answer.status, 202)
})

test('a registry with a password answers 401 to those who do not have it', async (t) => {
  const registry = await startRegistry({
    directory: await directoryFor(t),
    auth: { username: 'builder', password: 'open sesame' }
  })
  t.after(() => registry.stop())
  const ask = async (password: string): Promise<number> => {
    const authorization = `Basic ${Buffer.from(`builder:${password}`).toString('base64')}`
    return (await fetch(`http://${registry.host}/v2/`, { headers: { authorization } })).status
  }
  assert.equal(await ask('wrong'), 401)
  assert.equal(await ask('open sesame'), 200)
})

test('a port that another registry has is refused by its number', async (t) => {
  const first = await startRegistry({ directory: await directoryFor(t) })
  t.after(() => first.stop())
  await assert.rejects(
    startRegistry({ directory: await directoryFor(t), port: first.port }),
    (err) => err instanceof Failure && err.code === 'invalid-configuration' && err.message.includes(`${first.port}`)
  )
})

test('a machine without a registry is told what to install', async (t) => {
  await assert.rejects(
    startRegistry({ directory: await directoryFor(t), programs: { directories: [] }, image: 'missing' }),
    (err) => err instanceof Failure && err.message.includes('apt-get install docker-registry')
  )
})

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registry-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function pushBlob(host: string, text: string): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
  const begun = await fetch(`http://${host}/v2/a/b/blobs/uploads/`, { method: 'POST' })
  assert.equal(begun.status, 202)
  const location = new URL(begun.headers.get('location') ?? '', `http://${host}`)
  location.searchParams.set('digest', digest)
  const done = await fetch(location, {
    method: 'PUT',
    body: text,
    headers: { 'content-type': 'application/octet-stream' }
  })
  assert.equal(done.status, 201)
  return digest
}
