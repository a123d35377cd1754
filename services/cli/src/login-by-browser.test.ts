import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createApiForTest } from '@slipway/api/fixture'
import { createCommandLineForTest } from './commands.fixture.ts'
import { loginByBrowser } from './login-by-browser.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

/** A command that waits, with what stands in the address that it shows, and what the page does with it. */
async function createWaitingForTest(t: TestContext, { waitMs = 60_000 } = {}) {
  const { api, url } = await createApiForTest(t)
  await api.addOwner({ slug: 'alice' })
  const shown = Promise.withResolvers<URL>()
  const ended = loginByBrowser({
    url,
    host: 'ann’s laptop',
    scope: 'deploy',
    days: 7,
    owner: undefined,
    waitMs,
    show: (address) => shown.resolve(new URL(address))
  }).catch((err: unknown) => err as Error)
  const page = await shown.promise
  const asked = Object.fromEntries(page.searchParams) as Record<'challenge' | 'host' | 'state' | 'port', string>
  return {
    page,
    asked,
    ended,
    refusal: async () => {
      const end = await ended
      return end instanceof Error ? end.message : 'signed in'
    },
    confirm: () => api.letTerminalIn({ ...asked, owner: 'alice', scope: 'deploy', expiresInDays: 7 }),
    back: (answer: Record<string, string>) =>
      fetch(`http://127.0.0.1:${asked.port}/?${new URLSearchParams(answer).toString()}`)
  }
}

/** Of a request whose address no browser would send. */
function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', reject).end()
  })
}

test('the command changes the ticket for a token, and tells the browser so', async (t) => {
  const { page, asked, ended, confirm, back } = await createWaitingForTest(t)
  assert.equal(page.pathname, '/terminal')
  assert.equal(asked.host, 'ann-s-laptop')
  const { ticket } = await confirm()
  const res = await back({ ticket, state: asked.state })
  assert.deepEqual([res.status, /signed in/.test(await res.text())], [200, true])
  const made = await ended
  assert.ok(!(made instanceof Error))
  assert.equal(made.token.owner, 'alice')
  assert.match(made.secret, /^slw_/)
})

test('what comes with another state is not heard, and a no in the page is told', async (t) => {
  const { asked, refusal, confirm, back } = await createWaitingForTest(t)
  const { ticket } = await confirm()
  assert.equal((await back({ ticket, state: 'x'.repeat(43) })).status, 400)
  // As many characters, and more bytes.
  assert.equal((await back({ ticket, state: 'é'.repeat(43) })).status, 400)
  assert.equal((await back({ ticket })).status, 400)
  assert.equal(await statusOf(Number(asked.port), '//['), 400)
  assert.equal((await back({ error: 'cancelled', state: asked.state })).status, 400)
  assert.match(await refusal(), /cancelled in the browser/)
})

test('a browser that goes away while the ticket is changed leaves the terminal signed in all the same', async (t) => {
  const isAsked = Promise.withResolvers<void>()
  const isGone = Promise.withResolvers<void>()
  const redeemed = { secret: 'slw_x', token: { owner: 'alice' } }
  const api = createServer((_request, response) => {
    isAsked.resolve()
    void isGone.promise.then(() => response.setHeader('content-type', 'application/json').end(JSON.stringify(redeemed)))
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  t.after(() => api.close())
  const { port } = api.address() as AddressInfo
  const shown = Promise.withResolvers<URL>()
  const ended = loginByBrowser({
    url: `http://127.0.0.1:${port}`,
    host: 'here',
    scope: 'read',
    days: 1,
    owner: undefined,
    waitMs: 60_000,
    show: (address) => shown.resolve(new URL(address))
  })
  const { searchParams } = await shown.promise
  const back = `/?${new URLSearchParams({ ticket: 'one', state: searchParams.get('state') ?? '' }).toString()}`
  const browser = request({ host: '127.0.0.1', port: searchParams.get('port'), path: back, agent: false })
  browser.on('error', () => null).end()
  await isAsked.promise
  browser.destroy()
  // What came later would be answered to nobody, too: so that it is there before, it gets a moment.
  await sleep(100)
  isGone.resolve()
  assert.deepEqual(await ended, redeemed)
})

test('a ticket of another command ends it with what to do', async (t) => {
  const one = await createWaitingForTest(t)
  const { ticket } = await one.confirm()
  const other = await createWaitingForTest(t)
  await other.back({ ticket, state: other.asked.state })
  assert.match(await other.refusal(), /call "slipway login" again/)
  await one.back({ error: 'cancelled', state: one.asked.state })
  await one.ended
})

test('nobody confirms: the command ends', async (t) => {
  const { refusal } = await createWaitingForTest(t, { waitMs: 50 })
  assert.match(await refusal(), /nobody confirmed/)
})

test('slipway login prints the address of the page, and keeps what was confirmed for its owner alone', async (t) => {
  const { api, url, workDirectory, slipwayWith } = await createCommandLineForTest(t)
  await api.addOwner({ slug: 'alice' })
  const env = { ...process.env, SLIPWAY_HOME: join(workDirectory, 'none'), XDG_CONFIG_HOME: workDirectory }
  const command = spawn(process.execPath, [main, 'login', url, '--no-browser', '--scope', 'read'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => command.kill())
  const lines: string[] = []
  for await (const line of createInterface({ input: command.stdout })) {
    lines.push(line)
    const [address] = /http\S+\/terminal\S+/.exec(line) ?? []
    if (address === undefined) continue
    const asked = Object.fromEntries(new URL(address).searchParams) as Record<'challenge' | 'host', string>
    const { state = '', port = '' } = asked as Record<string, string>
    const { ticket } = await api.letTerminalIn({ ...asked, owner: 'alice', scope: 'read', expiresInDays: 7 })
    assert.equal(
      (await fetch(`http://127.0.0.1:${port}/?${new URLSearchParams({ ticket, state }).toString()}`)).status,
      200
    )
  }
  assert.match(lines.at(-1) ?? '', /^signed in at http\S+ as administrator, for alice \(read\), until \d{4}-/)
  const file = join(workDirectory, 'slipway/logins.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.match(await readFile(file, 'utf8'), /slw_/)
  const who = await slipwayWith({ SLIPWAY_HOME: join(workDirectory, 'none') }, 'whoami')
  assert.match(who.stdout, /It shows alice/)
})
