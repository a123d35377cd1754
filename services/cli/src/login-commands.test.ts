import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { token } from '@slipway/api/fixture'
import { createCommandLineForTest } from './commands.fixture.ts'

test('login keeps a token that is good, for its owner alone, until logout', async (t) => {
  const { slipwayWith, slipwayFed, url, api, workDirectory } = await createCommandLineForTest(t)
  await api.addOwner({ slug: 'alice' })
  const file = join(workDirectory, 'slipway/logins.json')
  const away = { SLIPWAY_HOME: join(workDirectory, 'none') }

  assert.equal((await slipwayFed('wrong\n', away, 'login', url, '--token')).code, 3)
  assert.equal((await slipwayFed('', away, 'login', url, '--token')).code, 2)
  const open = await slipwayFed(`${token}\n`, away, 'login', 'http://slipway.example.com', '--token')
  assert.deepEqual([open.code, /in the open/.test(open.stderr)], [2, true])
  assert.equal(await stat(file).catch(() => null), null)

  const signedIn = await slipwayFed(`${token}\n`, away, 'login', `${url}/`, '--token')
  assert.deepEqual([signedIn.code, signedIn.stdout], [0, `signed in at ${url}\n`], signedIn.stderr)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const who = await slipwayWith(away, 'whoami')
  assert.deepEqual([who.code, who.stdout], [0, `${url}, by the token of "slipway login"\nIt shows alice.\n`])
  const { owners } = JSON.parse((await slipwayWith({ ...away, SLIPWAY_URL: url }, 'whoami', '--json')).stdout) as {
    owners: string[]
  }
  assert.deepEqual(owners, ['alice'])
  const elsewhere = await slipwayWith({ ...away, SLIPWAY_URL: 'https://other.example.com' }, 'whoami')
  assert.deepEqual([elsewhere.code, /slipway login https:\/\/other\.example\.com/.test(elsewhere.stderr)], [3, true])

  assert.equal((await slipwayWith(away, 'logout')).stdout, `signed out at ${url}\n`)
  assert.equal((await readFile(file, 'utf8')).includes(token), false)
  assert.equal((await slipwayWith(away, 'logout')).code, 3)
  const nowhere = await slipwayWith(away, 'whoami')
  assert.deepEqual([nowhere.code, /slipway login <address>/.test(nowhere.stderr)], [4, true])
  await writeFile(file, 'broken')
  assert.match((await slipwayWith(away, 'whoami')).stderr, /remove it and sign in again/)
})

test('a token is made, shown once, used, listed and removed', async (t) => {
  const { slipway, slipwayWith, url, api } = await createCommandLineForTest(t)
  await api.addOwner({ slug: 'alice' })
  assert.match((await slipway('tokens', 'list')).stdout, /slipway tokens create/)
  assert.equal((await slipway('tokens', 'create', 'ci', '--scope', 'root')).code, 2)
  const made = await slipway('tokens', 'create', 'ci', '--scope', 'read', '--days', '7')
  assert.match(made.stdout, /^slw_[\w-]{20,}\n$/, made.stderr)
  const secret = made.stdout.trim()
  const listed = await slipway('tokens', 'list', '--owner', 'alice')
  assert.match(listed.stdout, /^TOKEN .*\n\S+ +ci +read +administrator +\d{4}-\d\d-\d\d +never\n$/)
  assert.equal(listed.stdout.includes(secret), false)
  const as = { SLIPWAY_URL: url, SLIPWAY_TOKEN: secret }
  assert.equal((await slipwayWith(as, 'builds')).code, 0)
  assert.equal((await slipwayWith(as, 'admin', 'owners', 'add', 'eve')).code, 1)
  const [{ id = '' } = {}] = JSON.parse((await slipway('tokens', 'list', '--json')).stdout) as { id?: string }[]
  assert.equal((await slipway('tokens', 'remove', id)).code, 0)
  assert.equal((await slipwayWith(as, 'builds')).code, 3)
  assert.equal((await slipway('tokens', 'remove', id)).code, 4)
})
