import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { assertFails, type Planted, plant } from '../context/checkout.fixture.ts'
import { defaultPolicy } from './policy.ts'
import { readStack } from './read.ts'
import { entry } from './stack.fixture.ts'

function read(t: TestContext, files: Record<string, Planted>, stackPath: string | null = null, variables = {}) {
  return readStack(plant(t, files), {
    stackPath,
    slug: 'acme',
    platform: 'linux/amd64',
    variables,
    policy: defaultPolicy
  })
}

test('stack.yml comes before stack.yaml, which is told', async (t) => {
  const stack = await read(t, { 'stack.yml': entry(), 'stack.yaml': 'broken: [' })
  assert.equal(stack.file, 'stack.yml')
  assert.deepEqual(
    stack.warnings.map(({ path, message }) => [path, message]),
    [['stack.yaml', 'stack.yaml is not used: stack.yml comes first']]
  )
  assert.equal((await read(t, { 'stack.yaml': entry() })).file, 'stack.yaml')
})

test('a repository’s setting names another file, and errors carry its name', async (t) => {
  const files = { 'apps/web/stack.yml': entry('nonsense: 1') }
  await assertFails(
    read(t, files, './apps/web/stack.yml'),
    'invalid-stack',
    /^apps\/web\/stack\.yml:5:5: unknown field "nonsense"/
  )
  await assertFails(
    read(t, files, 'apps/none.yml'),
    'invalid-stack',
    /the stack file: "apps\/none\.yml" is not in the repository/
  )
  await assertFails(read(t, files, '../stack.yml'), 'unsafe-path', /leaves the repository/)
})

test('a repository without a stack is told what to add', async (t) => {
  const failure = await assertFails(
    read(t, { 'README.md': '' }),
    'invalid-stack',
    /no stack\.yml or stack\.yaml at the root/
  )
  assert.deepEqual(failure.location, { path: 'stack.yml', line: 1, column: 1 })
})

test('a stack file that is a link out of the repository, a folder or not UTF-8 is refused', async (t) => {
  await assertFails(read(t, { 'stack.yml': { link: '/etc/passwd' } }), 'unsafe-path', /link that leaves the repository/)
  await assertFails(read(t, { 'stack.yml': { link: '/dev/zero' } }), 'unsafe-path', /link that leaves the repository/)
  await assertFails(read(t, { 'stack.yml/x': '' }), 'unsafe-path', /not a regular file/)
  await assertFails(
    read(t, { 'stack.yml': Buffer.from('a: b\nc: \xff', 'latin1') }),
    'invalid-stack',
    /^stack\.yml:2:4: the file is not UTF-8/
  )
  await assertFails(read(t, { 'stack.yml': Buffer.alloc(300_000, '#') }), 'limit-exceeded', /has 300000 bytes/)
  assert.equal((await read(t, { 'stack.yml': { link: 'other.yml' }, 'other.yml': entry() })).functions.length, 1)
})

test('environment files go over the stack’s own variables, the last file first', async (t) => {
  const stack = await read(
    t,
    {
      'stack.yml': entry('environment: { a: stack, b: stack, c: stack }', 'environment_file: [one.yml, env/two.yml]'),
      'one.yml': 'environment:\n  b: one\n  c: one\n  write_timeout: 5m\n',
      'env/two.yml': 'environment:\n  c: ${WHO:-two}\n  d: 1.0\n'
    },
    null,
    { WHO: 'variable' }
  )
  const [fn] = stack.functions
  assert.deepEqual(fn?.spec.environment, { a: 'stack', b: 'one', c: 'variable', write_timeout: '5m', d: '1.0' })
  assert.equal(fn?.spec.writeTimeoutMs, 300_000)
  assert.deepEqual(fn?.environmentFiles, [])
})

test('environment files are confined and strict', async (t) => {
  const outside = plant(t, { 'secret.yml': 'environment: { SECRET: leaked }' })
  const refused = (path: string, code: 'unsafe-path' | 'invalid-stack' | 'limit-exceeded', words: RegExp, files = {}) =>
    assertFails(read(t, { 'stack.yml': entry(`environment_file: [${JSON.stringify(path)}]`), ...files }), code, words)
  await refused(
    '../x',
    'unsafe-path',
    /^stack\.yml:5:24: functions\.hello\.environment_file: "\.\.\/x" leaves the repository/
  )
  await refused(`${outside}/secret.yml`, 'unsafe-path', /is absolute/)
  await refused('link.yml', 'unsafe-path', /link that leaves/, { 'link.yml': { link: `${outside}/secret.yml` } })
  await refused('.git/config', 'unsafe-path', /git's own folder/, { '.git/config': 'environment: {}' })
  await refused('none.yml', 'invalid-stack', /is not in the repository/)
  await refused('env.yml', 'invalid-stack', /^env\.yml:1:1: unknown field "A"; expected one of environment/, {
    'env.yml': 'A: b'
  })
  await refused('env.yml', 'invalid-stack', /^env\.yml:2:3: "A B" is not the name/, {
    'env.yml': 'environment:\n  A B: c'
  })
  const variable = 'environment_file: ["${OUT}"]'
  await assertFails(read(t, { 'stack.yml': entry(variable) }, null, { OUT: '../x' }), 'unsafe-path', /"\.\.\/x" leaves/)
})
