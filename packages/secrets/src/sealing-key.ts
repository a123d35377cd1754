import { createHash, createPrivateKey, generateKeyPair, type KeyObject, webcrypto } from 'node:crypto'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'

const modulusBits = 4096
const signing = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
const day = 86_400_000

/** A new key pair for sealing: the private key as PEM (PKCS #8), and a certificate of ten years that `kubeseal` takes. */
export async function makeSealingKey(now: number): Promise<{ privateKey: string; certificate: string }> {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: modulusBits })
  // 15 MB that only the rare making of a certificate needs.
  await import('reflect-metadata')
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const [publicKey, privateKey] = await Promise.all([
    webcrypto.subtle.importKey('spki', pair.publicKey.export({ type: 'spki', format: 'der' }), signing, true, [
      'verify'
    ]),
    webcrypto.subtle.importKey('pkcs8', pair.privateKey.export({ type: 'pkcs8', format: 'der' }), signing, false, [
      'sign'
    ])
  ])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Slipway sealing key',
    notBefore: new Date(now - day), // for whose clock is behind
    notAfter: new Date(now + 3650 * day),
    keys: { publicKey, privateKey },
    signingAlgorithm: signing
  })
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `${certificate.toString('pem')}\n`
  }
}

export function privateKeyOf(pem: string): KeyObject {
  return createPrivateKey(pem)
}

/** What a private key is known by: the hash of its public half. */
export function fingerprintOf(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' })
  return createHash('sha256')
    .update(JSON.stringify([jwk.n, jwk.e]))
    .digest('hex')
    .slice(0, 32)
}

/**
 * The RSA private keys in a text, as PEM: keys themselves, or what `kubectl get secret … -o yaml` says of a sealed-secrets
 * controller's keys, where they stand in base64 under `tls.key`.
 *
 * @throws Failure `invalid-request` when there is none.
 */
export function privateKeysIn(text: string): string[] {
  const wrapped = [...text.matchAll(/"?tls\.key"?:\s*"?([A-Za-z0-9+/=]+)/g)].map(([, encoded = '']) =>
    Buffer.from(encoded, 'base64').toString('utf8')
  )
  const blocks = [text, ...wrapped].flatMap((part) => [
    ...part.matchAll(/-----BEGIN (?:RSA )?PRIVATE KEY-----[^-]+-----END (?:RSA )?PRIVATE KEY-----/g)
  ])
  const keys = blocks.map(([block]) => rsaKey(block))
  if (keys.length === 0) {
    throw new Failure(
      'invalid-request',
      'no private key is in it: expected PEM, or the output of "kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml"'
    )
  }
  return [...new Set(keys)]
}

function rsaKey(block: string): string {
  try {
    const key = createPrivateKey(block)
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch (err) {
    throw new Failure('invalid-request', 'a private key in it cannot be read: is it encrypted, or cut?', { cause: err })
  }
  throw new Failure('invalid-request', 'a private key in it is not RSA: sealed secrets use RSA')
}
