import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Failure, StackWarning } from '@slipway/domain'
import { type Planted, plant } from '../context/checkout.fixture.ts'
import { readSealedSecrets } from './sealed.ts'

const kubeseal = (name: string) =>
  readFileSync(new URL(`../../../../packages/secrets/src/fixtures/kubeseal/${name}`, import.meta.url), 'utf8')

async function read(t: TestContext, files: Record<string, Planted>, stackFile = 'stack.yml') {
  const warnings: StackWarning[] = []
  const documents = await readSealedSecrets(plant(t, files), stackFile, warnings)
  return {
    documents,
    warnings: warnings.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`)
  }
}

async function refused(t: TestContext, text: string): Promise<string> {
  try {
    await read(t, { 'secrets.yml': text })
  } catch (err) {
    const { message, location } = err as Failure
    assert.ok(
      location !== undefined && message.startsWith(`${location.path}:${location.line}:${location.column}: `),
      message
    )
    return message
  }
  throw assert.fail('expected a Failure')
}

const sealed = (change: Record<string, string> = {}) => {
  const lines = {
    kind: 'kind: SealedSecret',
    metadata: 'metadata:\n  name: db\n  namespace: alice',
    spec: 'spec:\n  encryptedData:\n    password: AgAA'
  }
  return ['apiVersion: bitnami.com/v1alpha1', ...Object.values({ ...lines, ...change })].join('\n')
}

test('several documents of kubeseal are read as they are, each value with its place', async (t) => {
  const text = ['strict.yml', 'namespace-wide.yml', 'openfaas-cloud.yml', 'cluster-wide.yml'].map(kubeseal).join('\n')
  const { documents, warnings } = await read(t, { 'secrets.yml': text })
  assert.deepEqual(
    documents.map(({ namespace, name, scope }) => [namespace, name, scope]),
    [
      ['alice', 'db', 'strict'],
      ['alice', 'db', 'namespace-wide'],
      ['openfaas-fn', 'alice-db', 'strict'],
      ['alice', 'db', 'cluster-wide']
    ]
  )
  assert.deepEqual(warnings, [])
  const [first] = documents
  assert.deepEqual(
    first?.values.map(({ key }) => key),
    ['binary.dat', 'empty', 'password', 'tls.key']
  )
  const lines = text.split('\n')
  for (const { values, at } of documents) {
    for (const value of values) {
      const line = lines[value.at.line - 1] ?? ''
      assert.equal(line.slice(value.at.column - 1), `${value.key}: ${value.sealed}`)
    }
    assert.match(lines[at.name.line - 1] ?? '', /name: /)
  }
  assert.match(lines[(documents[3]?.at.scope.line ?? 0) - 1] ?? '', /cluster-wide/)
})

test('they stand beside the stack file, and may be JSON or broken into lines', async (t) => {
  const json = JSON.stringify({
    apiVersion: 'bitnami.com/v1alpha1',
    kind: 'SealedSecret',
    metadata: { name: 'db', namespace: 'alice', annotations: { 'sealedsecrets.bitnami.com/namespace-wide': 'true' } },
    spec: { encryptedData: { a: 'AgAA' } }
  })
  const { documents } = await read(
    t,
    { 'apps/a/secrets.yaml': json, 'secrets.yml': 'ignored: true' },
    'apps/a/stack.yml'
  )
  assert.deepEqual(
    documents.map(({ scope, values }) => [scope, values[0]?.sealed]),
    [['namespace-wide', 'AgAA']]
  )
  const folded = sealed({
    spec: 'spec:\n  encryptedData:\n    a: >-\n      AgAA\n      BBBB\n    b: |\n      CCCC\n      DDDD\n'
  })
  const read2 = await read(t, { 'secrets.yml': folded })
  assert.deepEqual(
    read2.documents[0]?.values.map((value) => value.sealed),
    ['AgAABBBB', 'CCCCDDDD']
  )
  assert.deepEqual((await read(t, { 'stack.yml': '' })).documents, [])
  const both = await read(t, { 'secrets.yml': sealed(), 'secrets.yaml': sealed() })
  assert.match(both.warnings[0] ?? '', /secrets\.yaml is not used: secrets\.yml comes first/)
})

test('template data is not executed, and said so', async (t) => {
  const text = sealed({ template: '  template:\n    type: Opaque\n    data:\n      url: "{{ .password }}"' })
  const { documents, warnings } = await read(t, { 'secrets.yml': text })
  assert.deepEqual(
    documents[0]?.values.map(({ key }) => key),
    ['password']
  )
  assert.match(warnings[0] ?? '', /^secrets\.yml:\d+:5: spec\.template\.data is not used: templates are not executed/)
})

test('hostile: a plain Secret, the former form, foreign kinds and what is missing are refused at their line', async (t) => {
  assert.match(
    await refused(t, sealed({ kind: 'kind: Secret' })),
    /^secrets\.yml:2:7: this is a Secret that is not sealed.*Change them/
  )
  assert.match(
    await refused(t, 'kind: Secret\ndata:\n  password: aHVudGVyMg==\n'),
    /^secrets\.yml:1:7: this is a Secret/
  )
  assert.match(
    await refused(t, sealed({ spec: 'spec:\n  data: AgAA' })),
    /^secrets\.yml:7:3: spec\.data: the former form/
  )
  assert.match(await refused(t, sealed({ kind: 'kind: Pod' })), /^secrets\.yml:2:7: kind: "Pod" has no place here/)
  assert.match(await refused(t, sealed({ kind: '' })), /kind.*SealedSecret/)
  assert.match(await refused(t, sealed({ metadata: 'metadata:\n  name: db' })), /namespace/)
  assert.match(await refused(t, sealed({ metadata: '' })), /name/)
  assert.match(await refused(t, sealed({ spec: 'spec: {}' })), /expected encryptedData/)
  assert.match(await refused(t, sealed({ spec: 'spec:\n  encryptedData: text' })), /expected a map/)
  assert.match(await refused(t, `${sealed()}\nhostPath: /\n`), /unknown field "hostPath"/)
  assert.match(await refused(t, `${sealed()}\n---\n- a\n`), /expected a map, found a list/)
  assert.match(await refused(t, `${sealed()}\n    password: AgBB\n`), /"password" is here twice/)
  assert.match(await refused(t, `apiVersion: v1\nkind: SealedSecret\n`), /"v1" is not known/)
})

test('hostile: bombs and links are refused as in the stack file', async (t) => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
    .split('')
    .map((name, i) => `${name}: &${name} [${`*${'abcdefghij'[i]},`.repeat(9)}]`)
    .join('\n')}\n`
  const startedAt = process.cpuUsage()
  await refused(t, bomb)
  const { user, system } = process.cpuUsage(startedAt)
  assert.ok((user + system) / 1000 < 1000)
  const checkout = plant(t, { 'stack.yml': '' })
  symlinkSync('/etc/hostname', join(checkout, 'secrets.yml'))
  await assert.rejects(readSealedSecrets(checkout, 'stack.yml', []), { code: 'unsafe-path' })
  await assert.rejects(read(t, { 'secrets.yml': `# ${'x'.repeat(2_100_000)}` }), { code: 'limit-exceeded' })
})
