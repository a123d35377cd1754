import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertFails, plant } from './checkout.fixture.ts'
import { confine, readConfinedFile } from './confine.ts'

const use = { field: 'functions.a.handler', at: { path: 'stack.yml', line: 4, column: 14 } }

test('a path is found where its links lead, within the repository', async (t) => {
  const root = plant(t, { 'a/b/file': '', link: { link: 'a' }, 'a/up': { link: '../a/b' } })
  const real = realpathSync(root)
  for (const [path, relative] of Object.entries({
    './a/b/': 'a/b',
    'link/b': 'a/b',
    'a/up': 'a/b',
    'a/../a': 'a',
    '.': '',
    './': ''
  })) {
    assert.deepEqual(await confine(root, path, use), { path: join(real, relative), relative }, path)
  }
})

test('whatever leads outside is refused, naming field and path', async (t) => {
  const outside = plant(t, { 'secret/file': 'secret' })
  const root = plant(t, {
    'a/file': '',
    root: { link: '/' },
    absolute: { link: outside },
    relative: { link: '../../../../../../../../etc' },
    one: { link: 'two' },
    two: { link: 'three/secret' },
    three: { link: outside },
    round: { link: 'about' },
    about: { link: 'round' },
    'a/sneaky': { link: '../..' }
  })
  for (const path of [
    '../x',
    '..',
    'a/../../x',
    '/etc',
    '/',
    'root',
    'root/etc',
    'absolute',
    'absolute/secret',
    'relative',
    'one',
    'a/sneaky',
    '\\\\host\\x',
    'C:\\x'
  ]) {
    const failure = await assertFails(
      confine(root, path, use),
      'unsafe-path',
      /^stack\.yml:4:14: functions\.a\.handler: ".*" (?:is|leaves)/
    )
    assert.equal(failure.location, use.at)
  }
  await assertFails(confine(root, 'round', use), 'unsafe-path', /goes round/)
  await assertFails(confine(root, 'a\0b', use), 'unsafe-path', /"a\\u0000b" holds a control character/)
  await assertFails(confine(root, 'none', use), 'invalid-stack', /is not in the repository/)
  await assertFails(confine(root, 'a/file/x', use), 'invalid-stack', /is not in the repository/)
  await assertFails(confine(root, 'x'.repeat(5000), use), 'invalid-stack', /is not in the repository/)
})

test('git’s own folder is no place, in any case of letters and through links', async (t) => {
  const root = plant(t, { '.git/config': '', 'a/.GIT/x': '', link: { link: '.git' } })
  for (const path of ['.git', '.git/config', 'a/.GIT', 'link'])
    await assertFails(confine(root, path, use), 'unsafe-path', /git's own folder/)
})

test('a folder whose name begins like the root’s is outside', async (t) => {
  const root = plant(t, { 'in/x': '', 'in-other/secret': '' })
  await assertFails(confine(join(root, 'in'), '../in-other', use), 'unsafe-path', /leaves/)
})

test('only regular files within the limit are read', async (t) => {
  const root = plant(t, { 'a/file': 'content', big: Buffer.alloc(20) })
  execFileSync('mkfifo', [join(root, 'fifo')])
  assert.equal((await readConfinedFile(root, 'a/file', 10, use)).toString(), 'content')
  await assertFails(readConfinedFile(root, 'a', 10, use), 'unsafe-path', /not a regular file/)
  await assertFails(readConfinedFile(root, 'fifo', 10, use), 'unsafe-path', /not a regular file/)
  await assertFails(readConfinedFile(root, 'big', 10, use), 'limit-exceeded', /has 20 bytes, 10 are allowed/)
})
