import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealValue } from '@slipway/secrets'
import { createSecretsForTest, documentOf, kubesealFile, signal } from './secrets.fixture.ts'

const seal = (certificate: string, value: string, namespace: string, name: string | null) =>
  sealValue(certificate, Buffer.from(value), { namespace, name }, Date.now())

test('what kubeseal sealed for an imported key opens, and is the values that the build gets', async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  await internal.importSealingKeys((await kubesealFile('key.pem')).text, signal)
  await internal.sealingCertificate(signal)
  const build = await building('alice')
  const { values } = await kubesealFile('strict.yml')
  await internal.sealForBuild(build.id, 'seed', [documentOf({ namespace: 'alice', name: 'db' }, values)], signal)
  const opened = await internal.secretValues(build.id, 'seed', ['db'], signal)
  assert.equal(Buffer.from(opened.db?.values.password ?? '', 'base64').toString(), 'correct horse battery staple')
  assert.deepEqual(Buffer.from(opened.db?.values['binary.dat'] ?? '', 'base64'), Buffer.from([0, 255, 128, 10, 13]))
  assert.equal(opened.db?.values.empty, '')
  const [version] = await internal.secretsOfBuild(build.id, 'seed', ['db', 'other'], signal)
  assert.deepEqual([version?.name, version?.keys], ['db', ['binary.dat', 'empty', 'password', 'tls.key']])
})

test("the namespace-wide scope opens in the owner's own namespace, and OpenFaaS Cloud's names in its", async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  await internal.importSealingKeys((await kubesealFile('key.pem')).text, signal)
  const build = await building('alice')
  const wide = documentOf(
    { namespace: 'alice', name: 'any', scope: 'namespace-wide' },
    (await kubesealFile('namespace-wide.yml')).values
  )
  const cloud = documentOf(
    { namespace: 'openfaas-fn', name: 'alice-db' },
    (await kubesealFile('openfaas-cloud.yml')).values
  )
  await internal.sealForBuild(build.id, 'seed', [wide, cloud], signal)
  const opened = await internal.secretValues(build.id, 'seed', ['any', 'db'], signal)
  assert.deepEqual(opened.any?.values, opened.db?.values)
})

test('hostile: cluster-wide, namespace-wide where others live, foreign namespaces and names are refused at their line', async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  await internal.importSealingKeys((await kubesealFile('key.pem')).text, signal)
  const build = await building('alice')
  const { values: strict } = await kubesealFile('strict.yml')
  const { values: wide } = await kubesealFile('openfaas-cloud-wide.yml')
  const refused: [Parameters<typeof documentOf>, string, RegExp, number][] = [
    [
      [{ namespace: 'alice', name: 'db', scope: 'cluster-wide' }, strict],
      'unsupported',
      /for the whole cluster opens for every owner/,
      4
    ],
    [
      [{ namespace: 'openfaas-fn', name: 'alice-db', scope: 'namespace-wide' }, wide],
      'unsupported',
      /namespace of all owners/,
      4
    ],
    [
      [{ namespace: 'bob', name: 'db' }, strict],
      'invalid-stack',
      /the namespace "bob" is not yours: seal for "alice"/,
      5
    ],
    [[{ namespace: 'openfaas-fn', name: 'db' }, strict], 'invalid-stack', /called "alice-<name>", and "db" is not/, 6],
    [[{ namespace: 'openfaas-fn', name: 'alicesmith-db' }, strict], 'invalid-stack', /"alicesmith-db" is not/, 6],
    [[{ namespace: 'openfaas-fn', name: 'alice-' }, strict], 'invalid-stack', /"alice-" is not/, 6],
    [[{ namespace: 'alice', name: '../db' }, strict], 'invalid-stack', /cannot be the name of a secret/, 6],
    [[{ namespace: 'alice', name: 'db' }, { '../x': 'AAAA' }], 'invalid-stack', /"\.\.\/x" cannot be a key/, 10],
    [[{ namespace: 'alice', name: 'db' }, {}], 'invalid-request', /has no values/, 6]
  ]
  for (const [place, code, message, line] of refused) {
    await assert.rejects(internal.sealForBuild(build.id, 'seed', [documentOf(...place)], signal), (err: Error) => {
      assert.match(err.message, message)
      assert.ok(err.message.startsWith(`secrets.yml:${line}:3: `), err.message)
      assert.deepEqual((err as Error & { code: string; location: unknown }).code, code)
      assert.deepEqual((err as Error & { location: unknown }).location, { path: 'secrets.yml', line, column: 3 })
      return true
    })
  }
  assert.deepEqual(await internal.secretsOfBuild(build.id, 'seed', ['db'], signal), [])
})

test('hostile: a sealed value copied to another name, namespace or owner does not open, and the message says how to mend it', async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  const certificate = await internal.sealingCertificate(signal)
  const stolen = { password: seal(certificate, 'hers', 'alexellis', 'x') }
  const build = await building('alex')
  for (const place of [
    { namespace: 'alex', name: 'x' },
    { namespace: 'alex', name: 'alexellis-x' }
  ]) {
    await assert.rejects(internal.sealForBuild(build.id, 'seed', [documentOf(place, stolen)], signal), {
      code: 'invalid-stack',
      message: /^secrets\.yml:10:3: the value "password" does not open.*slipway secrets seal/
    })
  }
  await assert.rejects(
    internal.sealForBuild(build.id, 'seed', [documentOf({ namespace: 'alexellis', name: 'x' }, stolen)], signal),
    { code: 'invalid-stack', message: /not yours/ }
  )
})

test("hostile: OpenFaaS Cloud's one namespace: owner a cannot open what a-b sealed as a-b-c by calling it b-c", async (t) => {
  const { internal, building } = await createSecretsForTest(t)
  const certificate = await internal.sealingCertificate(signal)
  const values = { password: seal(certificate, 'hers', 'openfaas-fn', 'a-b-c') }
  const document = documentOf({ namespace: 'openfaas-fn', name: 'a-b-c' }, values)
  const hers = await building('a-b')
  await internal.sealForBuild(hers.id, 'seed', [document], signal)
  const his = await building('a')
  await assert.rejects(internal.sealForBuild(his.id, 'seed', [document], signal), {
    code: 'conflict',
    message: /^secrets\.yml:6:3: "a-b-c" is another owner's/
  })
  assert.deepEqual(await internal.secretsOfBuild(his.id, 'seed', ['b-c', 'c', 'a-b-c'], signal), [])
})

test('after a rotation old secrets open, new ones are sealed with the new certificate', async (t) => {
  const { internal, building, store } = await createSecretsForTest(t)
  const first = await internal.sealingCertificate(signal)
  const second = await internal.rotateSealingKey(signal)
  assert.notEqual(first, second)
  assert.equal(await internal.sealingCertificate(signal), second)
  const build = await building('alice')
  const values = { old: seal(first, 'one', 'alice', 'db'), new: seal(second, 'two', 'alice', 'db') }
  await internal.sealForBuild(build.id, 'seed', [documentOf({ namespace: 'alice', name: 'db' }, values)], signal)
  const opened = await internal.secretValues(build.id, 'seed', ['db'], signal)
  assert.deepEqual(opened.db?.values, {
    old: Buffer.from('one').toString('base64'),
    new: Buffer.from('two').toString('base64')
  })
  assert.ok((await store.sealingKeys.list()).every(({ ciphertext }) => !ciphertext.includes('PRIVATE')))
})

test('the certificate is made once, however many ask at the same moment', async (t) => {
  const { internal } = await createSecretsForTest(t)
  const made = await Promise.all(Array.from({ length: 4 }, () => internal.sealingCertificate(signal)))
  assert.equal(new Set(made).size, 1)
})

test('the same values sealed anew are the same version: an unchanged secret changes no deployment', async (t) => {
  const { internal, building, store } = await createSecretsForTest(t)
  const certificate = await internal.sealingCertificate(signal)
  const versionOf = async (commit: string, value: string) => {
    const build = await building('alice', commit)
    const values = { password: seal(certificate, value, 'alice', 'db') }
    await internal.sealForBuild(build.id, 'seed', [documentOf({ namespace: 'alice', name: 'db' }, values)], signal)
    const [version] = await internal.secretsOfBuild(build.id, 'seed', ['db'], signal)
    await store.builds.handOver(build.id, 'seed', 1)
    await store.builds.claimDeploy(build.id, 'd', 60_000, Date.now())
    const change = { deploymentIds: [], keep: [], finish: true, pause: false }
    await store.deployments.switchLive(build.id, 'd', change, 1)
    return version?.versionId
  }
  const first = await versionOf('a'.repeat(40), 'one')
  assert.equal(await versionOf('b'.repeat(40), 'one'), first)
  assert.notEqual(await versionOf('c'.repeat(40), 'two'), first)
})
