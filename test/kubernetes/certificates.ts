import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator
} from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000
const serverUse = '1.3.6.1.5.5.7.3.1'
const clientUse = '1.3.6.1.5.5.7.3.2'

export interface Certificates {
  authority: string
  /** Writes `<name>.crt` and `<name>.key`, signed by the authority, for a user of these groups. */
  issue(name: string, subject: { user: string; groups?: string[]; addresses?: string[] }): Promise<CertificateFiles>
}

export interface CertificateFiles {
  certificate: string
  key: string
}

/** An authority for one cluster: its certificates are what the parts of the cluster know each other by. */
export async function createCertificates(directory: string): Promise<Certificates> {
  const keys = await newKeys()
  const notAfter = new Date(Date.now() + 30 * day)
  const notBefore = new Date(Date.now() - day)
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=slipway test cluster',
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)
    ]
  })
  const authority = join(directory, 'authority.crt')
  await writeFile(authority, root.toString('pem'))

  return {
    authority,
    async issue(name, { user, groups = [], addresses = [] }) {
      const own = await newKeys()
      const certificate = await X509CertificateGenerator.create({
        subject: [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
        issuer: root.subject,
        notBefore,
        notAfter,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([serverUse, clientUse]),
          ...(addresses.length === 0 ? [] : [new SubjectAlternativeNameExtension(addresses.map(nameOf))])
        ]
      })
      return write(join(directory, name), certificate, own.privateKey)
    }
  }
}

function nameOf(address: string): JsonGeneralName {
  return { type: /^[\d.]+$/.test(address) ? 'ip' : 'dns', value: address }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function write(path: string, certificate: X509Certificate, key: webcrypto.CryptoKey): Promise<CertificateFiles> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`
  await writeFile(`${path}.crt`, certificate.toString('pem'))
  await writeFile(`${path}.key`, pem, { mode: 0o600 })
  return { certificate: `${path}.crt`, key: `${path}.key` }
}
