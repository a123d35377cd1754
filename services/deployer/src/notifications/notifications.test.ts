import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createInternalClient } from '@slipway/client'
import type { NotificationMessage, NotificationTopic } from '@slipway/domain'
import { createEncryption } from '@slipway/secrets'
import { createLogger, createServer as createService } from '@slipway/service'
import { createStore } from '@slipway/store'
import { imageOf, pushOf, seedClaim, seedLive, seedPush, specOf } from '@slipway/testing'
import { notificationSinks } from '../secrets/holdings.ts'
import { addSinkRoutes } from './internal-sinks.ts'
import { createNotifier } from './notifier.ts'
import { createSend, parseTarget, signatureOf } from './send.ts'

const logger = createLogger('test', 'silent')
const signal = AbortSignal.timeout(600_000)
const message: NotificationMessage = {
  type: 'test',
  timestamp: '2026-01-01T00:00:00.000Z',
  text: 'a <b> & c',
  data: {}
}

async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Heard {
  headers: Record<string, string>
  body: string
}

/** Somebody who is told, and answers as it is said. */
async function listener(t: TestContext) {
  const heard: Heard[] = []
  const about = { status: 204 }
  const url = await listen(t, (req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      heard.push({ headers: req.headers as Heard['headers'], body: Buffer.concat(parts).toString() })
      res.writeHead(about.status, { location: 'http://127.0.0.1:1/' }).end('{}')
    })
  })
  return { heard, about, url: `${url}/hook` }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isTrue()); ) {
    if (Date.now() > end) throw new Error(`not true after 20 s: ${isTrue.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function scene(t: TestContext, { pageLimit = 500 } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-notifications-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const encryption = createEncryption({
    settings: store.settings,
    name: 'encryption',
    keys: null,
    setting: 'ENCRYPTION_KEYS',
    file: join(directory, 'keys'),
    holdings: [notificationSinks(store)],
    now: Date.now
  })
  const app = createService({ logger })
  addSinkRoutes(app, { store, encryption, isLoopbackAllowed: true, now: Date.now })
  const internal = createInternalClient({ url: await app.listen({ host: '127.0.0.1', port: 0 }) }, '')
  let ahead = 0
  const now = () => Date.now() + ahead
  const send = createSend({ isLoopbackAllowed: true, timeoutMs: 1000, now })
  const happened = (since: number) => store.notifications.happened(since, pageLimit)
  const notifier = createNotifier({
    store: { ...store, notifications: { ...store.notifications, happened } },
    encryption,
    send,
    linkOf: ({ id }) => `https://slipway.test/builds/${id}`,
    isLeader: () => true,
    periodMs: 20,
    now,
    logger
  })
  t.after(async () => {
    await notifier.close()
    await app.close()
    await store.close()
    await rm(directory, { recursive: true })
  })
  const owner = async () => {
    await seedLive(store, pushOf('f'.repeat(40)), functions, Date.now() - 60_000)
    return (await store.owners.findBySlug('alice'))?.id ?? ''
  }
  const add = async (
    ownerId: string | null,
    url: string,
    topics: NotificationTopic[],
    kind: 'webhook' | 'slack' = 'webhook'
  ) => internal.addSink({ ownerId, kind, url, topics, by: 'alice' }, signal)
  return { store, encryption, owner, add, pass: (ms: number) => void (ahead += ms) }
}

const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
const typesOf = (heard: Heard[]) => heard.map(({ body }) => (JSON.parse(body) as NotificationMessage).type)

test('a build that goes live or fails, and a pause, are told once each, signed, to who asked for them', async (t) => {
  const { store, owner, add } = await scene(t)
  const all = await listener(t)
  const failures = await listener(t)
  const ownerId = await owner()
  const { secret } = await add(ownerId, all.url, ['live', 'failed', 'paused'])
  await add(ownerId, failures.url, ['failed'])
  await seedLive(store, pushOf('a'.repeat(40)), functions, Date.now())
  const failed = await seedPush(store, pushOf('b'.repeat(40)), Date.now())
  await seedClaim(store, failed, Date.now())
  await store.builds.finish(failed, 'seed', { status: 'failed', reason: 'npm test failed' }, Date.now())
  const pause = { at: Date.now(), actor: 'ann', action: 'pause', ownerId, resource: 'function/alice-hello', detail: {} }
  await store.audit.append(pause)
  await until(() => all.heard.length >= 3 && failures.heard.length >= 1)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.deepEqual(typesOf(all.heard).sort(), ['build.failed', 'build.live', 'function.paused'])
  assert.deepEqual(typesOf(failures.heard), ['build.failed'])
  const [told] = failures.heard
  const { text, data } = JSON.parse(told?.body ?? '') as NotificationMessage
  assert.match(text, /^alice\/shop bbbbbbb+ failed: npm test failed$/)
  assert.deepEqual([data.buildId, data.url], [failed, `https://slipway.test/builds/${failed}`])
  for (const { headers, body } of all.heard) {
    const { 'webhook-id': id = '', 'webhook-timestamp': at = '' } = headers
    assert.equal(headers['webhook-signature'], signatureOf(secret ?? '', id, at, body))
  }
})

test('one owner is not told of another, administrators of every change, and nobody of what was before they asked', async (t) => {
  const { store, owner, add } = await scene(t)
  const [alices, everything] = [await listener(t), await listener(t)]
  const alice = await owner()
  const site = { ...pushOf('e'.repeat(40)).repository, forgeRepositoryId: '8', fullName: 'bob/site', name: 'site' }
  const repository = { ...site, owner: { forgeOwnerId: '2', login: 'bob' } }
  await seedPush(store, { ...pushOf('e'.repeat(40)), repository }, 1)
  const bob = (await store.owners.findBySlug('bob'))?.id ?? ''
  const entry = (ownerId: string | null, at: number) =>
    store.audit.append({ at, actor: 'ann', action: 'pause', ownerId, resource: 'function/x-y', detail: {} })
  await entry(alice, Date.now() - 1000)
  await add(alice, alices.url, ['paused'])
  await add(null, everything.url, ['audit'])
  await entry(bob, Date.now())
  await entry(alice, Date.now())
  await until(() => everything.heard.length === 2 && alices.heard.length === 1)
  assert.deepEqual(typesOf(everything.heard), ['audit', 'audit'])
})

test('of more than are looked at together none is left out, however close they are', async (t) => {
  const { store, add } = await scene(t, { pageLimit: 3 })
  const { url } = await listener(t)
  const { sink } = await add(null, url, ['audit'])
  const entry = { at: Date.now(), actor: 'ann', action: 'pause', ownerId: null, resource: 'x', detail: {} }
  for (let made = 0; made < 10; made += 1) {
    await store.audit.append(entry)
    // Those of one moment are looked at together.
    await sleep(2)
  }
  await until(async () => (await store.notifications.list(sink.id, 100)).length === 10)
})

test('who does not take it is asked again with growing pauses, and at last no more; a stop of the other side harms nobody', async (t) => {
  const { store, owner, add, pass } = await scene(t)
  const { heard, about, url } = await listener(t)
  about.status = 500
  const { sink } = await add(await owner(), url, ['live'])
  await seedLive(store, pushOf('a'.repeat(40)), functions, Date.now())
  const last = async () => (await store.notifications.list(sink.id, 1))[0]
  for (let attempts = 1; attempts <= 8; attempts += 1) {
    await until(async () => (await last())?.attempts === attempts)
    pass(19 * 3_600_000)
  }
  assert.deepEqual([(await last())?.status, (await last())?.reason], ['dead', 'the other side answered 500'])
  assert.equal(heard.length, 8)
  assert.equal(new Set(heard.map(({ headers }) => headers['webhook-id'])).size, 1, 'it is the same message')
  about.status = 200
  const test = await store.notifications.enqueue([{ sinkId: sink.id, eventId: 'test:1', message }], Date.now())
  await until(async () => (await store.notifications.get(test[0] ?? ''))?.status === 'delivered')
})

test('addresses are encrypted at rest, and go on when the key is rotated', async (t) => {
  const { store, encryption, owner, add } = await scene(t)
  const { heard, url } = await listener(t)
  const { sink, secret } = await add(await owner(), url, ['live'])
  const [before] = await store.notifications.allSinks()
  assert.ok(!JSON.stringify(before).includes('/hook') && !JSON.stringify(before).includes(secret ?? 'none'))
  assert.equal(await encryption.rotate(), 1)
  const [after] = await store.notifications.allSinks()
  assert.notEqual(after?.keyId, before?.keyId)
  await store.notifications.enqueue([{ sinkId: sink.id, eventId: 'test:1', message }], Date.now())
  await until(() => heard.length === 1)
})

test('Slack gets its own format, unsigned, in which nobody’s text is a link', async (t) => {
  const { heard, url } = await listener(t)
  const send = createSend({ isLoopbackAllowed: true, timeoutMs: 1000, now: Date.now })
  await send('slack', { url, secret: null }, { id: '1', message }, signal)
  assert.deepEqual(JSON.parse(heard[0]?.body ?? ''), { text: 'a &lt;b&gt; &amp; c' })
  assert.equal(heard[0]?.headers['webhook-signature'], undefined)
})

test('the signature is that of the Standard Webhooks test vector', () => {
  const body = '{"test": 2432232314}'
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  assert.equal(
    signatureOf('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', id, '1614265330', body),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  )
})

test('nothing is sent to what is not a public address, by whatever name, nor after a redirect', async (t) => {
  const { heard, about, url } = await listener(t)
  const { port } = new URL(url)
  const strict = createSend({ isLoopbackAllowed: false, timeoutMs: 1000, now: Date.now })
  const secure = (host: string) => ({ url: `https://${host}:${port}/`, secret: null })
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1']) {
    const sent = strict('webhook', secure(host), { id: '1', message }, signal)
    await assert.rejects(
      sent,
      { code: 'bad-gateway', message: 'nothing is sent to addresses that are not public' },
      host
    )
  }
  for (const host of [
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '172.17.0.1',
    '100.64.0.1',
    '[fd00::1]',
    '[fe80::1]'
  ]) {
    const loose = createSend({ isLoopbackAllowed: true, timeoutMs: 1000, now: Date.now })
    const sent = loose('webhook', secure(host), { id: '1', message }, signal)
    await assert.rejects(sent, { message: 'nothing is sent to addresses that are not public' }, host)
  }
  assert.equal(heard.length, 0)
  about.status = 302
  const redirected = createSend({ isLoopbackAllowed: true, timeoutMs: 1000, now: Date.now })
  await assert.rejects(
    redirected('webhook', { url, secret: null }, { id: '1', message }, signal),
    /redirects are not followed/
  )
  assert.equal(heard.length, 1)
})

test('an address that is no HTTPS address, or holds a password, is refused', () => {
  for (const text of [
    '',
    'ftp://a.test',
    'http://a.test',
    'https://user:word@a.test/',
    'javascript:1',
    'file:///etc/passwd'
  ]) {
    assert.throws(() => parseTarget(text, false), { code: 'invalid-request' }, text)
  }
  assert.equal(parseTarget('https://a.test/x?y', false).host, 'a.test')
  assert.equal(parseTarget('http://127.0.0.1:1/', true).port, '1')
})

test('who answers late or never is not waited for', async (t) => {
  const url = await listen(t, () => undefined)
  const send = createSend({ isLoopbackAllowed: true, timeoutMs: 50, now: Date.now })
  await assert.rejects(send('webhook', { url, secret: null }, { id: '1', message }, signal), {
    code: 'gateway-timeout'
  })
})
