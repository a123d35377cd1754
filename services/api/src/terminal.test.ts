import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createApiForTest } from './api.fixture.ts'
import { createPeople } from './people.fixture.ts'

const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')
const tickets = '/api/v1/owners/alice/terminal-tickets'
const redeem = '/api/v1/sign-in/terminal'
const question = { challenge, host: 'laptop', scope: 'deploy', expiresInDays: 30 }

test('who is signed in lets a command in, which changes the ticket once for a token of that owner', async (t) => {
  const { ask, store } = await createPeople(t)
  const { status, body } = await ask('wes', 'POST', tickets, question)
  assert.equal(status, 200)
  const ticket = String(body.ticket)
  const made = await ask('nobody', 'POST', redeem, { ticket, verifier })
  assert.equal(made.status, 200, made.text)
  const { token, secret } = made.body as { token: Record<string, unknown>; secret: string }
  assert.deepEqual(
    [token.owner, token.name, token.scope, token.createdBy],
    ['alice', 'slipway login on laptop', 'deploy', 'wes']
  )
  assert.equal((await ask(secret, 'POST', '/api/v1/functions/alice/hello/pause')).status, 200)
  assert.equal((await ask('nobody', 'POST', redeem, { ticket, verifier })).status, 404)

  const entries = await store.audit.list(null, { before: null, limit: 9 })
  const said = entries.map(({ actor, action }) => `${action} by ${actor}`)
  assert.ok(said.includes('let-terminal-in by account wes (github)'), said.join())
  assert.ok(said.includes('create-token by account wes (github)'), said.join())
  for (const word of [ticket, secret, verifier]) assert.ok(!JSON.stringify(entries).includes(word))
})

test('a ticket is for who has the verifier: another one uses it up', async (t) => {
  const { ask, store, alice } = await createPeople(t)
  const ticket = String((await ask('ann', 'POST', tickets, question)).body.ticket)
  assert.equal((await ask('nobody', 'POST', redeem, { ticket, verifier: 'x'.repeat(43) })).status, 401)
  assert.equal((await ask('nobody', 'POST', redeem, { ticket, verifier })).status, 404)
  assert.deepEqual(await store.tokens.list(alice), [])
})

test('a ticket is over after two minutes', async (t) => {
  let at = Date.now()
  const { api } = await createApiForTest(t, { now: () => at })
  await api.addOwner({ slug: 'alice' })
  const { ticket } = await api.letTerminalIn({ ...question, owner: 'alice', scope: 'read' })
  at += 2 * 60_000
  await assert.rejects(api.redeemTerminalTicket({ ticket, verifier }), /is over/)
})

test('nobody lets a command do more than they may themselves, and a token lets none in', async (t) => {
  const { ask } = await createPeople(t)
  assert.equal((await ask('rita', 'POST', tickets, question)).status, 403)
  assert.equal((await ask('eve', 'POST', tickets, question)).status, 404)
  assert.equal((await ask('ann', 'POST', tickets, { ...question, host: '<b>' })).status, 400)
  const { body } = await ask('ann', 'POST', '/api/v1/owners/alice/tokens', { name: 'ci', scope: 'admin' })
  assert.equal((await ask(String(body.secret), 'POST', tickets, question)).status, 403)
})

test('the page shows what asks, and is not shown for an address that says something else', async (t) => {
  const { app } = await createApiForTest(t)
  const whole = new URLSearchParams({ challenge, host: 'laptop', scope: 'deploy', state: challenge, port: '4711' })
  const shown = await app.inject(`/terminal?${whole.toString()}`)
  assert.equal(shown.statusCode, 200)
  assert.match(shown.body, /<strong>laptop<\/strong>/)
  assert.match(String(shown.headers['content-security-policy']), /frame-ancestors 'none'/)
  for (const [name, value] of [
    ['port', '80@evil.example'],
    ['port', '0'],
    ['host', '<script>'],
    ['scope', 'root'],
    ['state', 'short'],
    ['challenge', '']
  ] as const) {
    const other = new URLSearchParams(whole)
    other.set(name, value)
    const refused = await app.inject(`/terminal?${other.toString()}`)
    assert.deepEqual(
      [refused.statusCode, refused.body.includes(value || 'x'.repeat(9))],
      [400, false],
      `${name}=${value}`
    )
  }
  assert.equal((await app.inject(`/terminal?${whole.toString()}&port=22`)).statusCode, 400)
})
