import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { addSettingsFile, parseSettings, readSettingsFile } from './settings-file.ts'

async function homeWith(t: TestContext, text: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'slipway-settings-'))
  t.after(() => rm(home, { recursive: true }))
  await writeFile(join(home, 'slipway.env'), text)
  return home
}

test('the file in the state directory adds to the environment, which wins', async (t) => {
  const env = {
    SLIPWAY_HOME: await homeWith(t, '# ours\nPUBLIC_URL=https://a.example\nBUILD_SLOTS = 4\nREDIS_URL="redis://a"\n'),
    BUILD_SLOTS: '8',
    REDIS_URL: ''
  }
  addSettingsFile(env)
  assert.deepEqual(env, { ...env, PUBLIC_URL: 'https://a.example', BUILD_SLOTS: '8', REDIS_URL: 'redis://a' })
})

test('without a file nothing is added; one that is named has to be there', () => {
  const env = { SLIPWAY_HOME: '/nowhere' }
  addSettingsFile(env)
  assert.deepEqual(env, { SLIPWAY_HOME: '/nowhere' })
  assert.throws(() => readSettingsFile({ SLIPWAY_CONFIG: '/nowhere/slipway.env' }), /\/nowhere\/slipway.env.*ENOENT/)
})

test('a key of several lines is one value, in quotes', () => {
  const { values, lines, problems } = parseSettings('KEY="-----BEGIN\nabc=\n-----END"\nNEXT=1\n', 'f')
  assert.deepEqual(values, { KEY: '-----BEGIN\nabc=\n-----END', NEXT: '1' })
  assert.deepEqual(
    [...lines],
    [
      ['KEY', 1],
      ['NEXT', 4]
    ]
  )
  assert.deepEqual(problems, [])
})

test('every line that is not understood is named, and no value', async (t) => {
  const text = 'BUILD_SLOTS: 4\nA=geheim\nA=geheim2\nSLIPWAY_HOME=/x\nB="geheim3\n'
  const { problems } = parseSettings(text, 'f')
  assert.deepEqual(
    problems.map((problem) => /line \d|lines \d and \d/.exec(problem)?.[0]),
    ['line 1', 'lines 2 and 3', 'line 4', 'line 5']
  )
  const home = await homeWith(t, text)
  assert.throws(
    () => addSettingsFile({ SLIPWAY_HOME: home }),
    (err: Error) => err.message.includes('line 1') && !err.message.includes('geheim')
  )
})
