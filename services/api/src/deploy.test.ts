import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Failure } from '@slipway/domain'
import { createApiForTest, token } from './api.fixture.ts'
import { tarOf } from './tar.fixture.ts'

async function* once(bytes: Buffer) {
  yield bytes
}

const failure =
  (code: Failure['code'], words = /./) =>
  (err: unknown) =>
    err instanceof Failure && err.code === code && words.test(err.message)

test('a folder that is sent is kept, its build waits, and a newer one takes its place', async (t) => {
  const { api, store, signals, directory } = await createApiForTest(t)
  const { id, slug } = await api.addOwner({ slug: 'alice' })
  assert.equal(slug, 'alice')
  const send = async (text: string, isZipped = true) => {
    const tar = await tarOf({ 'stack.yml': text })
    return api.deployFolder({ owner: 'alice', name: 'shop', tar: once(isZipped ? gzipSync(tar) : tar), isZipped })
  }
  const first = await send('one')
  assert.deepEqual(
    [first.status, first.trigger, first.owner, first.repository, first.sender],
    ['queued', 'api', 'alice', 'api/alice/shop', 'administrator']
  )
  assert.equal((await send('one', false)).id, first.id)
  const second = await send('two')
  assert.equal((await store.builds.get(first.id))?.status, 'superseded')
  assert.ok(signals.sent.includes('builds'))
  const kept = (await readdir(join(directory, 'uploads'))).filter((name) => name !== 'incoming')
  assert.deepEqual(kept.sort(), [first.commit, second.commit].sort())
  const audit = (await store.audit.list(id, { before: null, limit: 10 })).map(({ action }) => action)
  assert.deepEqual(audit, ['deploy', 'deploy', 'deploy', 'add-owner'])
})

test('hostile: what is refused says why on the connection that it came on, and leaves neither files nor builds', async (t) => {
  const { api, store, directory } = await createApiForTest(t, { uploadLimitBytes: 400_000 })
  const { id } = await api.addOwner({ slug: 'alice' })
  const send = (tar: Buffer, about: { owner?: string; name?: string; isZipped?: boolean } = {}) =>
    api.deployFolder({ owner: 'alice', name: 'shop', tar: once(tar), isZipped: true, ...about })
  const good = gzipSync(await tarOf({ 'stack.yml': 'x' }))
  await assert.rejects(send(good, { owner: 'bob' }), failure('not-found', /no owner "bob"/))
  for (const name of ['..', 'a/b', '-x', 'a b']) await assert.rejects(send(good, { name }), failure('invalid-request'))
  await assert.rejects(send(Buffer.from('no tar')), failure('invalid-payload'))
  await assert.rejects(send(gzipSync(await tarOf({ '../x': '' }))), failure('unsafe-path', /"\.\.\/x"/))
  await assert.rejects(send(await tarOf({ x: 'x'.repeat(600_000) })), failure('payload-too-large', /UPLOAD_LIMIT_MB/))
  assert.deepEqual(await store.builds.list(id, {}, { before: null, limit: 5 }), [])
  assert.deepEqual(await readdir(join(directory, 'uploads'), { recursive: true }), ['incoming'])
})

test('a body of another type, one that is announced too large, and one without a token are not read', async (t) => {
  const { api, url } = await createApiForTest(t, { uploadLimitBytes: 1000 })
  await api.addOwner({ slug: 'alice' })
  const ask = (headers: Record<string, string>, body: string) =>
    new Promise<number>((resolve, reject) => {
      const sent = request(`${url}/api/v1/owners/alice/deploys?name=shop`, { method: 'POST', headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      sent.on('error', reject)
      sent.end(body)
    })
  const authorization = `Bearer ${token}`
  assert.equal(await ask({ authorization, 'content-type': 'application/json' }, '{}'), 415)
  const announced = { authorization, 'content-type': 'application/gzip', 'content-length': '2000' }
  assert.equal(await ask(announced, 'x'.repeat(2000)), 413)
  assert.equal(await ask({ 'content-type': 'application/gzip' }, 'x'), 401)
})
