import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createCommandLineForTest } from '../commands.fixture.ts'
import { checkSettings } from './check.ts'

async function fileWith(t: TestContext, ...lines: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-settings-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'slipway.env')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

test('nothing set is nothing wrong', () => {
  assert.deepEqual(checkSettings({ SLIPWAY_HOME: '/nowhere', PATH: '/bin' }, undefined), {
    file: null,
    hidden: [],
    problems: []
  })
})

test('all that is wrong is named at once, with its line and what it has to be, and no value', async (t) => {
  const file = await fileWith(
    t,
    'READY_TIMEOUT_MS=geheim',
    'BULD_SLOTS=4',
    'GATEWAY_PORT=70000',
    'PUBLIC_URL=geheim.example',
    'nonsense'
  )
  const { problems } = checkSettings({}, file)
  assert.deepEqual(problems, [
    'line 5 is not NAME=value: remove it, or begin it with #',
    'BULD_SLOTS is no setting (did you mean "BUILD_SLOTS"?) (line 2)',
    'READY_TIMEOUT_MS must be an integer of at least 1000 (line 1)',
    'PUBLIC_URL must be an http(s) address (line 4)',
    'GATEWAY_PORT must be an integer of 0 to 65535 (line 3)'
  ])
})

test('a setting may be in a file of its own, which has to be there', async (t) => {
  const secret = await fileWith(t, 'whatever is sixteen')
  const file = await fileWith(t, `GITHUB_WEBHOOK_SECRET_FILE=${secret}`, 'GITLAB_TOKEN_FILE=/nowhere/token')
  const { problems } = checkSettings({}, file)
  assert.deepEqual(problems, ['the file that GITLAB_TOKEN_FILE names cannot be read (ENOENT)'])
  assert.deepEqual(checkSettings({ GITLAB_TOKEN: 'mine' }, file).hidden, ['GITLAB_TOKEN_FILE'])
  assert.deepEqual(checkSettings({ GITLAB_TOKEN: 'mine' }, file).problems, [])
})

test('halves, guessable secrets and keys that are none are found, as a start would', async (t) => {
  const file = await fileWith(t, 'GITHUB_APP_ID=1', 'GITHUB_WEBHOOK_SECRET=changemechangeme', 'ACCOUNT_KEYS=a:b')
  const { problems } = checkSettings({ GITLAB_APPLICATION_ID: 'x', API_HOST: '0.0.0.0' }, file)
  for (const name of ['GITHUB_PRIVATE_KEY', 'GITHUB_WEBHOOK_SECRET', 'GITLAB_APPLICATION_SECRET', 'ACCOUNT_KEYS'])
    assert.ok(
      problems.some((problem) => problem.includes(name)),
      `${name} in ${problems.join('\n')}`
    )
  assert.ok(problems.some((problem) => problem.startsWith('API_HOST must be a loopback address')))
})

test('the command ends with 1 where something is wrong, and says which setting the environment goes over', async (t) => {
  const good = await fileWith(t, 'BUILD_SLOTS=4')
  const { slipwayWith } = await createCommandLineForTest(t)
  const fine = await slipwayWith({ BUILD_SLOTS: '8' }, 'config', 'check', '--file', good)
  assert.equal(fine.code, 0, fine.stderr)
  assert.equal(fine.stdout, `   BUILD_SLOTS is in the environment, too, which wins\nok ${good}\n`)
  const bad = await fileWith(t, 'BUILD_SLOTS=many')
  const refused = await slipwayWith({}, 'config', 'check', '--file', bad, '--json')
  assert.equal(refused.code, 1)
  assert.deepEqual(JSON.parse(refused.stdout), {
    file: bad,
    hidden: [],
    problems: ['BUILD_SLOTS must be an integer of at least 1 (line 1)']
  })
})
