import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { openValue, type SealScope, sealValue } from './seal.ts'
import { fingerprintOf, makeSealingKey, privateKeyOf, privateKeysIn } from './sealing-key.ts'

const made = await makeSealingKey(Date.now())
const key = privateKeyOf(made.privateKey)
const scope: SealScope = { namespace: 'alice', name: 'db' }
const value = Buffer.from([0, 255, 1, 10])

test('the certificate is what kubeseal expects: RSA, self-signed, valid for ten years', () => {
  const certificate = new X509Certificate(made.certificate)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 4096)
  assert.ok(certificate.checkPrivateKey(key))
  assert.ok(Date.parse(certificate.validTo) > Date.now() + 9 * 365 * 86_400_000)
  assert.ok(Date.parse(certificate.validFrom) < Date.now())
})

test('a sealed value opens in its own place only', () => {
  const sealed = sealValue(made.certificate, value, scope, Date.now())
  assert.deepEqual(openValue([key], sealed, scope), value)
  for (const other of [
    { namespace: 'alice', name: 'db2' },
    { namespace: 'alic', name: 'e/db' },
    { namespace: 'bob', name: 'db' },
    { namespace: 'alice', name: null },
    { namespace: '', name: null }
  ]) {
    assert.equal(openValue([key], sealed, other), null)
  }
  const wide = sealValue(made.certificate, value, { namespace: 'alice', name: null }, Date.now())
  assert.deepEqual(openValue([key], wide, { namespace: 'alice', name: null }), value)
  assert.equal(openValue([key], wide, scope), null)
})

test('of several keys the right one is found, whatever their sizes', () => {
  const others = [2048, 4096].map((modulusLength) => generateKeyPairSync('rsa', { modulusLength }).privateKey)
  const sealed = sealValue(made.certificate, value, scope, Date.now())
  assert.deepEqual(openValue([...others, key], sealed, scope), value)
  assert.equal(openValue(others, sealed, scope), null)
})

test('garbage, cut and changed values are null and never an exception', () => {
  const sealed = sealValue(made.certificate, value, scope, Date.now())
  const bytes = Buffer.from(sealed, 'base64')
  const changed = (at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy.toString('base64')
  }
  const bad = ['', '!', 'AA', 'AAAA', '////', sealed.slice(0, 100), sealed.slice(0, -4), `${sealed}AAAA`, ` ${sealed}`]
  for (const one of [...bad, ...[0, 1, 2, 300, bytes.length - 1].map(changed)]) {
    assert.equal(openValue([key], one, scope), null)
  }
})

test('an expired certificate, one that is none and one without RSA seal nothing', () => {
  const later = Date.parse(new X509Certificate(made.certificate).validTo) + 1000
  assert.throws(() => sealValue(made.certificate, value, scope, later), { code: 'invalid-request', message: /expired/ })
  assert.throws(() => sealValue('nonsense', value, scope, 0), { code: 'invalid-request', message: /no certificate/ })
})

test("a controller's keys are read as PEM and as kubectl prints them", () => {
  const old = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const pkcs1 = old.export({ type: 'pkcs1', format: 'pem' }).toString()
  const fingerprints = (text: string) => privateKeysIn(text).map((pem) => fingerprintOf(privateKeyOf(pem)))
  const listed = `items:\n- data:\n    tls.crt: AAAA\n    tls.key: ${Buffer.from(pkcs1).toString('base64')}\n  kind: Secret\n`
  assert.deepEqual(fingerprints(`${pkcs1}\n${made.privateKey}`), [fingerprintOf(old), fingerprintOf(key)])
  assert.deepEqual(fingerprints(listed), [fingerprintOf(old)])
  assert.deepEqual(fingerprints(JSON.stringify({ data: { 'tls.key': Buffer.from(pkcs1).toString('base64') } })), [
    fingerprintOf(old)
  ])
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  for (const bad of [
    '',
    made.certificate,
    ec.toString(),
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'
  ]) {
    assert.throws(() => privateKeysIn(bad), { code: 'invalid-request' })
  }
})
