import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { branchOf, isCommit, isValidFullName, isValidRef, isZeroCommit } from './forge.ts'

test('a branch is everything after refs/heads/, slashes included', () => {
  assert.equal(branchOf('refs/heads/feature/master'), 'feature/master')
  assert.equal(branchOf('refs/tags/v1'), null)
  assert.equal(branchOf('refs/heads/'), null)
})

test('a commit is a full lower-case object id that is not all zeros', () => {
  assert.ok(isCommit('a'.repeat(40)))
  assert.ok(isCommit('a'.repeat(64)))
  for (const no of ['', 'a'.repeat(39), 'A'.repeat(40), 'g'.repeat(40), '0'.repeat(40), `${'a'.repeat(40)}\n`])
    assert.ok(!isCommit(no), no)
  assert.ok(isZeroCommit('0'.repeat(40)))
})

test('refs that could reach a command line as an option, or that git refuses, are not valid', () => {
  for (const yes of ['refs/heads/main', 'refs/heads/feature/x', 'refs/heads/ünïcode', 'refs/tags/v1.0'])
    assert.ok(isValidRef(yes), yes)
  const no = [
    'refs/heads/-x',
    'refs/heads/a..b',
    '--upload-pack=touch /tmp/x',
    'refs/heads/a\nb',
    'refs/heads/a b',
    `refs/heads/${'a'.repeat(4096)}`,
    'refs/heads/a.lock',
    'refs/heads/.a',
    'refs/heads/a//b',
    'refs/heads/a@{1}',
    'refs/heads/a/',
    'refs/heads/\u{d800}',
    'heads/main',
    'refs/heads'
  ]
  for (const ref of no) assert.ok(!isValidRef(ref), ref)
})

test('whatever is a valid ref here is one for git', () => {
  const refs = fc.sample(
    fc
      .string({
        unit: fc.constantFrom('a', '-', '.', '/', '~', '@', '{', 'ä', '\\', ' ', '*', 'lock', '.lock'),
        maxLength: 8
      })
      .map((name) => `refs/heads/${name}`),
    { numRuns: 60, seed: 7 }
  )
  for (const ref of refs.filter(isValidRef)) {
    assert.doesNotThrow(() => execFileSync('git', ['check-ref-format', ref], { stdio: 'pipe' }), ref)
  }
})

test('a repository name that climbs or hides is not valid', () => {
  for (const yes of ['alice/shop', 'group/sub/name', 'a/.github', '_x/y.z']) assert.ok(isValidFullName(yes), yes)
  for (const no of ['alice', 'alice/../bob', 'a//b', '/a/b', 'a/b/', 'a/-b', 'a/b c', 'a/b?x', 'a/%2e%2e', 'a/b\n'])
    assert.ok(!isValidFullName(no), no)
})
