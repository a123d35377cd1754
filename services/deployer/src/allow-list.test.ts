import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, type Store } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { createAllowList, loadAllowList, parseAllowList } from './allow-list.ts'

async function scene(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), 'slipway-allow-'))
  t.after(() => rm(home, { recursive: true }))
  const store = await createStore({ url: null, file: join(home, 'store.sqlite') })
  t.after(() => store.close())
  const file = join(home, 'owners.txt')
  const changes: number[] = []
  const start = async (source: string | null, isLeader = true) => {
    const list = await createAllowList({
      owners: store.owners,
      source,
      everyMs: 20,
      isLeader: () => isLeader,
      changed: () => changes.push(1),
      logger: createLogger('test', 'silent')
    })
    t.after(() => list?.close())
    return list
  }
  return { store, file, changes, start }
}

async function becomes(store: Store, wanted: string[]): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (String(await store.owners.allowList()) === String(wanted)) return
    await sleep(20)
  }
  assert.deepEqual(await store.owners.allowList(), wanted)
}

/** Answers with what it was last told to. */
async function serve(t: TestContext) {
  let answer = { status: 200, body: '' }
  const server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/owners`
  return { url, say: (status: number, body: string) => (answer = { status, body }) }
}

test('a list has one login a line; case, comments, blank lines and line ends do not matter', () => {
  const text = '\uFEFFAlice\r\n# who pays\n\n  bob  # since May\nmy-group\nalice\n'
  assert.deepEqual(parseAllowList(text), ['alice', 'bob', 'my-group'])
  assert.deepEqual(parseAllowList(''), [])
})

test('what is no list is refused with the line: a page that says that something went wrong lets nobody in', () => {
  for (const text of ['<html>', 'alice\nbob carol', 'alice,bob', '{"owners":[]}', 'a/b', '-rf', 'x'.repeat(300)]) {
    const isRefused = (err: unknown) => err instanceof Failure && err.code === 'invalid-payload'
    assert.throws(() => parseAllowList(text), isRefused, text)
  }
  assert.throws(() => parseAllowList('alice\nbob carol'), /line 2/)
})

test('a file is read again and again, and those who leave it stop; an unreadable one changes nothing', async (t) => {
  const { store, file, changes, start } = await scene(t)
  const owner = await store.repositories.connect('github', alices, 1)
  await writeFile(file, 'bob\n')
  await start(file)
  await becomes(store, ['bob'])
  assert.equal((await store.owners.get(owner.ownerId ?? ''))?.isListed, false)
  await writeFile(file, 'ALICE\nbob\n')
  await becomes(store, ['alice', 'bob'])
  assert.equal((await store.owners.get(owner.ownerId ?? ''))?.isListed, true)
  assert.ok(changes.length > 0)
  await rm(file)
  await sleep(100)
  assert.deepEqual(await store.owners.allowList(), ['alice', 'bob'])
  await writeFile(file, '<html>')
  await sleep(100)
  assert.deepEqual(await store.owners.allowList(), ['alice', 'bob'])
})

test('an address is asked; while it fails the last good list counts, after a restart, too', async (t) => {
  const { store, start } = await scene(t)
  const { url, say } = await serve(t)
  say(200, 'alice\n')
  const first = await start(url)
  await becomes(store, ['alice'])
  say(503, 'bob\n')
  await sleep(100)
  assert.deepEqual(await store.owners.allowList(), ['alice'])
  await first?.close()
  await start(url)
  await sleep(100)
  assert.deepEqual(await store.owners.allowList(), ['alice'])
  say(200, 'bob\n')
  await becomes(store, ['bob'])
})

test('before a list was ever read nobody is on it, and without the setting everybody', async (t) => {
  const { store, file, start } = await scene(t)
  const list = await start(file)
  assert.deepEqual(await store.owners.allowList(), [])
  await list?.close()
  assert.equal(await start(null), null)
  assert.equal(await store.owners.allowList(), null)
})

test('who does not lead reads no list', async (t) => {
  const { store, file, start } = await scene(t)
  await writeFile(file, 'alice\n')
  await start(file, false)
  await sleep(100)
  assert.deepEqual(await store.owners.allowList(), [])
})

test('a list that is too large is refused, and no failure names the address, which may hold a password', async (t) => {
  const { url, say } = await serve(t)
  const signal = new AbortController().signal
  say(200, 'alice\n'.repeat(200_000))
  await assert.rejects(loadAllowList(url, signal), /larger than 1048576 bytes/)
  say(404, '')
  const withPassword = url.replace('http://', 'http://user:hunter2@')
  for (const source of [url, withPassword, '/nowhere/hunter2']) {
    await assert.rejects(loadAllowList(source, signal), (err) => {
      assert.ok(err instanceof Failure)
      assert.doesNotMatch(err.message, /hunter2|127\.0\.0\.1/)
      return true
    })
  }
})

const alices = {
  forgeRepositoryId: '7',
  name: 'shop',
  fullName: 'alice/shop',
  defaultBranch: 'main',
  isPrivate: false,
  owner: { forgeOwnerId: '1', login: 'alice' },
  installationId: null
}
