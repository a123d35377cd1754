import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeSealingKey, openValue, privateKeyOf } from '@slipway/secrets'
import { type Input, listSecrets, readValues, sealSecret, setSecret } from './secrets.ts'

const plain = { fromFile: [], keepNewline: false }

function inputOf(text: string, isTTY = false): Input {
  async function* parts() {
    for (const byte of Buffer.from(text)) yield Buffer.from([byte])
  }
  return Object.assign(parts(), { isTTY })
}

async function filesForTest(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-cli-'))
  t.after(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'key.pem'), 'a key\n')
  await writeFile(join(directory, 'user'), 'me')
  return directory
}

test('a value comes from standard input, without the line feed that echo puts there', async () => {
  const values = await readValues('db', plain, inputOf('hunter2\n'))
  assert.deepEqual([...values], [['db', Buffer.from('hunter2')]])
  assert.deepEqual((await readValues('db', plain, inputOf('a\nb\r\n'))).get('db'), Buffer.from('a\nb'))
  assert.deepEqual(
    (await readValues('db', { ...plain, keepNewline: true }, inputOf('x\n'))).get('db'),
    Buffer.from('x\n')
  )
  assert.deepEqual([...(await readValues('db', { ...plain, key: 'password' }, inputOf('x'))).keys()], ['password'])
})

test('nobody is left waiting in front of a terminal, where the value would be seen', async () => {
  await assert.rejects(readValues('db', plain, inputOf('', true)), {
    code: 'invalid-request',
    message: /standard input/
  })
})

test('files are taken as they are, several of them as the keys of one secret', async (t) => {
  const directory = await filesForTest(t)
  const file = join(directory, 'key.pem')
  assert.deepEqual([...(await readValues('tls', { ...plain, file }, inputOf('')))], [['tls', Buffer.from('a key\n')]])
  const fromFile = [`tls.key=${file}`, `user=${join(directory, 'user')}`]
  const values = await readValues('tls', { ...plain, fromFile }, inputOf(''))
  assert.deepEqual(
    [...values],
    [
      ['tls.key', Buffer.from('a key\n')],
      ['user', Buffer.from('me')]
    ]
  )
  for (const bad of [['user'], ['=x'], ['user=/nowhere/at/all'], [`../x=${file}`]]) {
    await assert.rejects(readValues('tls', { ...plain, fromFile: bad }, inputOf('')), { code: 'invalid-request' })
  }
})

test('what is set goes out in base64, and what came of it is said without the value', async () => {
  const sent: unknown[] = []
  const secret = {
    owner: 'alice',
    name: 'db',
    origin: 'api' as const,
    repository: null,
    keys: ['db'],
    versionId: 'v',
    createdAt: 0,
    updatedAt: 0
  }
  const answers = [
    { secret, isChanged: true, redeploys: [] },
    { secret, isChanged: true, redeploys: ['build-1'] },
    { secret, isChanged: false, redeploys: [] }
  ]
  const api = {
    putSecret(input: unknown) {
      sent.push(input)
      return Promise.resolve(answers[sent.length - 1] ?? answers[0]!)
    }
  }
  const said = []
  for (const _ of answers)
    said.push(await setSecret(api, { owner: 'alice', name: 'db' }, new Map([['db', Buffer.from([0, 255])]])))
  assert.deepEqual(sent[0], { owner: 'alice', name: 'db', values: { db: 'AP8=' }, encoding: 'base64' })
  assert.match(said[0] ?? '', /alice\/db \(db\) is set: functions get it that list it/)
  assert.match(said[1] ?? '', /deployed again \(build-1\)/)
  assert.match(said[2] ?? '', /already/)
  const list = {
    listSecrets: () =>
      Promise.resolve({
        items: [secret, { ...secret, name: 'tls', origin: 'sealed' as const, repository: 'alice/shop' }]
      })
  }
  const text = await listSecrets(list, { owner: 'alice', json: false }, 60_000)
  assert.match(text, /tls\s+db\s+sealed in alice\/shop/)
  assert.match(
    await listSecrets({ listSecrets: () => Promise.resolve({ items: [] }) }, { owner: 'alice', json: false }, 0),
    /no secrets/
  )
})

test("what is sealed opens with the installation's key, in its own place", async () => {
  const { privateKey, certificate } = await makeSealingKey(Date.now())
  const values = new Map([['password', Buffer.from('hunter2')]])
  const open = (text: string, scope: { namespace: string; name: string | null }) =>
    openValue([privateKeyOf(privateKey)], /"password": (\S+)/.exec(text)?.[1] ?? '', scope)?.toString()
  const strict = sealSecret(
    certificate,
    { owner: 'alice', name: 'alice-db', isNamespaceWide: false },
    values,
    Date.now()
  )
  assert.match(
    strict,
    /^---\napiVersion: bitnami\.com\/v1alpha1\nkind: SealedSecret\nmetadata:\n {2}name: "db"\n {2}namespace: "alice"\n/
  )
  assert.equal(open(strict, { namespace: 'alice', name: 'db' }), 'hunter2')
  assert.equal(open(strict, { namespace: 'bob', name: 'db' }), undefined)
  const wide = sealSecret(certificate, { owner: 'alice', name: 'db', isNamespaceWide: true }, values, Date.now())
  assert.match(wide, /namespace-wide: "true"/)
  assert.equal(open(wide, { namespace: 'alice', name: null }), 'hunter2')
})
