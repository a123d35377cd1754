import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from './scene.ts'

let scene: Scene
let directory: string
const allow = (...logins: string[]) => writeFile(join(directory, 'allowed'), `${logins.join('\n')}\n`)

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-allowed-'))
  await allow('alice')
  scene = await createScene({
    ALLOWED_OWNERS: join(directory, 'allowed'),
    ALLOWED_OWNERS_EVERY_MS: '200',
    NOTIFY_LOOPBACK: 'on'
  })
})
after(async () => {
  await scene.close()
  await rm(directory, { recursive: true, force: true })
})

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })

/** What became of the delivery of a commit. */
function deliveryOf(commit: string) {
  return waitFor(
    async () => {
      const { items } = await scene.installation.api.listDeliveries({ limit: 50 })
      return items.find((one) => one.commit === commit) ?? null
    },
    { timeoutMs: 15_000, what: `the delivery of ${commit}` }
  )
}

/** The list is read five times a second: whichever push is the first after that counts. */
function pushUntil(repository: TestRepository, outcome: 'queued' | 'ignored'): Promise<string> {
  return waitFor(
    async () => {
      const commit = await repository.push(hello(`now ${Date.now()}`))
      return (await deliveryOf(commit)).outcome === outcome ? commit : null
    },
    { timeoutMs: 60_000, what: 'the list to count' }
  )
}

test('of who is not on the allow list a push leaves its delivery and nothing else, until the list names the owner', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'bob' })
  const first = await repository.push(hello('not yet'))
  const refused = await deliveryOf(first)
  assert.equal(refused.outcome, 'ignored')
  assert.match(refused.reason ?? '', /not on the allow list/)
  assert.deepEqual((await api.listBuilds({ commit: first })).items, [])
  assert.deepEqual(scene.github.statuses(repository.hosted.id, first), [])
  assert.equal((await call(scene, '/function/bob-hello')).status, 404)

  const listed = await scene.repository({ owner: 'alice' })
  const built = await listed.push(hello('on the list'))
  assert.equal((await listed.ended(built)).status, 'live')

  await allow('alice', 'bob # came later')
  const second = await pushUntil(repository, 'queued')
  assert.equal((await repository.ended(second)).status, 'live')
  assert.equal((await call(scene, '/function/bob-hello')).status, 200)

  await allow('alice')
  const isListed = async (slug: string) =>
    (await api.listOwners({})).items.find((one) => one.slug === slug)?.isListed ?? true
  await waitFor(async () => !(await isListed('bob')), { timeoutMs: 15_000, what: 'the list to be read again' })
  // Each service reads it for itself.
  await pushUntil(repository, 'ignored')
  assert.match((await call(scene, '/function/bob-hello')).body, /^now /, 'who leaves the list loses nothing')
})

interface Told {
  type: string
  data: Record<string, unknown>
  headers: IncomingHttpHeaders
  body: string
}

/** Who is told, as somebody's own server: it refuses the first message, so that it comes again. */
async function listen() {
  const told: Told[] = []
  let refused = 0
  const server = createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8')
    req.on('data', (part: string) => {
      body += part
    })
    req.on('end', () => {
      if (refused === 0) {
        refused += 1
        res.writeHead(503).end()
        return
      }
      const { type, data } = JSON.parse(body) as Pick<Told, 'type' | 'data'>
      told.push({ type, data, headers: req.headers, body })
      res.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook`,
    of: (type: string, field: string, value: string) =>
      waitFor(() => told.find((one) => one.type === type && one.data[field] === value) ?? null, {
        timeoutMs: 60_000,
        what: `${type} of ${value}`
      }),
    close: () => new Promise((resolve) => server.close(resolve))
  }
}

/** As the Standard Webhooks specification has it, written by hand. */
function assertSigned({ headers, body }: Told, secret: string): void {
  const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']]
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = createHmac('sha256', key)
    .update(`${String(id)}.${String(timestamp)}.${body}`)
    .digest('base64')
  assert.equal(headers['webhook-signature'], `v1,${expected}`)
  assert.ok(Math.abs(Number(timestamp) * 1000 - Date.now()) < 300_000)
}

test('a suspended owner’s push ends with the reason on the commit while its function answers; what happens is told, signed', async (t) => {
  const { api } = scene.installation
  await allow('alice', 'carol')
  const repository = await scene.repository({ owner: 'carol' })
  const live = await pushUntil(repository, 'queued')
  assert.equal((await repository.ended(live)).status, 'live')

  await api.setSuspension({ owner: 'carol', isSuspended: true, reason: 'the bill is not paid' })
  const pushed = await repository.push(hello('while suspended'))
  const build = await repository.ended(pushed)
  assert.equal(build.status, 'cancelled')
  assert.match(build.reason ?? '', /the bill is not paid/)
  const status = (await repository.statuses(pushed))['slipway/stack']
  assert.notEqual(status?.state, 'success')
  assert.match(`${status?.description} ${status?.text}`, /the bill is not paid/)
  assert.match((await call(scene, '/function/carol-hello')).body, /^now /, 'its function goes on answering')
  const asked = [() => api.rebuild({ id: build.id }), () => api.redeployFunction({ owner: 'carol', name: 'hello' })]
  for (const ask of asked) {
    await assert.rejects(
      ask,
      (err) => err instanceof Failure && err.code === 'conflict' && /the bill is not paid/.test(err.message)
    )
  }

  const listener = await listen()
  t.after(() => listener.close())
  const { secret } = await api.addNotification({
    owner: 'carol',
    kind: 'webhook',
    url: listener.url,
    topics: ['live', 'failed', 'paused']
  })
  assert.match(secret ?? '', /^whsec_/)
  await api.setSuspension({ owner: 'carol', isSuspended: false })
  const after = await repository.push(hello('paid'))
  assert.equal((await repository.ended(after)).status, 'live')
  assert.equal((await call(scene, '/function/carol-hello')).body, 'paid')
  // What was pushed while it was suspended may have gone live before.
  const told = await listener.of('build.live', 'commit', after)
  assert.deepEqual([told.data.owner, told.data.commit, told.data.status], ['carol', after, 'live'])
  assertSigned(told, secret ?? '')
  await api.pauseFunction({ owner: 'carol', name: 'hello' })
  const paused = await listener.of('function.paused', 'function', 'carol-hello')
  assertSigned(paused, secret ?? '')
})
