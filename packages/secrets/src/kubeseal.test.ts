import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openValue, type SealScope } from './seal.ts'
import { privateKeyOf } from './sealing-key.ts'

// What the real kubeseal made of our certificate, and of what we sealed: see fixtures/kubeseal/record.mjs.
const read = (name: string) => readFileSync(new URL(`fixtures/kubeseal/${name}`, import.meta.url), 'utf8')
const key = privateKeyOf(read('key.pem'))
const values: Record<string, Buffer> = {
  password: Buffer.from('correct horse battery staple'),
  'binary.dat': Buffer.from([0, 255, 128, 10, 13]),
  empty: Buffer.alloc(0),
  'tls.key': Buffer.from('-----BEGIN KEY-----\n'.repeat(200))
}

function sealedIn(file: string): [string, string][] {
  return [...read(file).matchAll(/^ {4}([a-z.]+): (Ag[A-Za-z0-9+/=]+)$/gm)].map(([, name = '', value = '']) => [
    name,
    value
  ])
}

const recorded: { file: string; scope: SealScope; other: SealScope }[] = [
  { file: 'strict.yml', scope: { namespace: 'alice', name: 'db' }, other: { namespace: 'alice', name: 'other' } },
  { file: 'namespace-wide.yml', scope: { namespace: 'alice', name: null }, other: { namespace: 'bob', name: null } },
  {
    file: 'openfaas-cloud.yml',
    scope: { namespace: 'openfaas-fn', name: 'alice-db' },
    other: { namespace: 'openfaas-fn', name: 'alic-e-db' }
  }
]
for (const { file, scope, other } of recorded) {
  test(`every value of ${file}, sealed by kubeseal ${read('version.txt').trim().split(' ').at(-1)}, opens in its place only`, () => {
    const sealed = sealedIn(file)
    assert.deepEqual(sealed.map(([name]) => name).sort(), Object.keys(values).sort())
    for (const [name, value] of sealed) {
      assert.deepEqual(openValue([key], value, scope), values[name], name)
      assert.equal(openValue([key], value, other), null, name)
    }
  })
}

test('what kubeseal seals for the whole cluster belongs to no place of ours', () => {
  const value = sealedIn('cluster-wide.yml')[0]?.[1] ?? ''
  assert.equal(openValue([key], value, { namespace: 'alice', name: 'db' }), null)
  assert.equal(openValue([key], value, { namespace: 'alice', name: null }), null)
})

test('kubeseal opened what we sealed, and found the same', () => {
  const ours = JSON.parse(read('ours.json')) as { spec: { encryptedData: Record<string, string> } }
  const opened = JSON.parse(read('ours-opened-by-kubeseal.json')) as { data: Record<string, string | null> }
  assert.deepEqual(Object.keys(opened.data).sort(), Object.keys(values).sort())
  for (const [name, value] of Object.entries(values)) {
    assert.deepEqual(Buffer.from(opened.data[name] ?? '', 'base64'), value, name)
    const sealed = ours.spec.encryptedData[name] ?? ''
    assert.deepEqual(openValue([key], sealed, { namespace: 'alice', name: 'db' }), value, name)
  }
})
