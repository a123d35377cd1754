import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OwnerView, RepositoryView } from '@slipway/client'
import { functionOf, ownerOf, pathOfRemote } from './owner.ts'

const apiOf = (owners: string[], repositories: [string, string][] = []) => ({
  listOwners: () => Promise.resolve({ items: owners.map((slug) => ({ slug }) as OwnerView), next: null }),
  listRepositories: () =>
    Promise.resolve({
      items: repositories.map(([fullName, owner]) => ({ fullName, owner }) as RepositoryView),
      next: null
    })
})

test('the owner is the one who is named, else that of the checkout, else the only one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-owner-'))
  t.after(() => rm(directory, { recursive: true }))
  const api = apiOf(
    ['alice', 'bob'],
    [
      ['Alice/Shop', 'alice'],
      ['bob/shop', 'bob']
    ]
  )
  assert.equal(await ownerOf(api, 'carol', directory), 'carol')
  await assert.rejects(ownerOf(api, undefined, directory), { code: 'invalid-request', message: /--owner/ })
  assert.equal(await ownerOf(apiOf(['alice']), undefined, directory), 'alice')
  await assert.rejects(ownerOf(apiOf([]), undefined, directory), { code: 'invalid-request', message: /push something/ })
  execFileSync('git', ['init', '-q'], { cwd: directory })
  execFileSync('git', ['remote', 'add', 'origin', 'git@github.com:alice/shop.git'], { cwd: directory })
  assert.equal(await ownerOf(api, undefined, directory), 'alice')
})

test('a function named alone is looked for at the only owner; where there are several it is told how to name it, and who there is', async () => {
  const directory = tmpdir()
  assert.deepEqual(await functionOf(apiOf(['alice']), 'hello', directory), { owner: 'alice', name: 'hello' })
  await assert.rejects(functionOf(apiOf(['alice', 'bob']), 'hello', directory), {
    code: 'invalid-request',
    message: 'say whose it is: <owner>/hello (alice, bob)'
  })
  await assert.rejects(functionOf(apiOf(['a', 'b', 'c', 'd', 'e', 'f']), 'hello', directory), /\(a, b, c, d, e, …\)$/)
})

test('the path of a remote is found in every way to write one', () => {
  for (const url of [
    'https://github.com/Alice/shop.git',
    'https://user:token@github.com/alice/shop',
    'ssh://git@github.com:22/alice/shop.git',
    'git@github.com:alice/shop.git',
    'github.com:alice/shop/'
  ]) {
    assert.equal(pathOfRemote(url), 'alice/shop', url)
  }
  assert.equal(pathOfRemote('https://gitlab.com/a/b/c.git'), 'a/b/c')
  assert.equal(pathOfRemote('/srv/git/shop.git'), null)
  assert.equal(pathOfRemote(''), null)
})
