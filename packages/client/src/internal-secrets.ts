import type { SecretSet, SourceLocation } from '@slipway/domain'
import { fillPath } from './internal-path.ts'

/** Values by key, in base64: they are bytes. */
export type SecretValues = Record<string, string>

/** One SealedSecret of a repository, as it is written there. */
export interface SealedDocument {
  namespace: string
  name: string
  scope: 'strict' | 'namespace-wide' | 'cluster-wide'
  at: { namespace: SourceLocation; name: SourceLocation; scope: SourceLocation }
  values: { key: string; sealed: string; at: SourceLocation }[]
}

/** What a build may know of a secret without its values. */
export interface SecretVersion {
  name: string
  versionId: string
  keys: string[]
}

/** What concerns secrets: `deployer` alone holds the keys that open them. */
export interface InternalSecrets {
  /**
   * Makes a set, or a new version of one; the same values again change nothing. Functions that use it are deployed again.
   *
   * @throws Failure `conflict` for a set that a repository seals, `invalid-request`, `limit-exceeded`
   */
  putSecret(
    of: { ownerId: string; name: string; by: string },
    values: SecretValues,
    signal: AbortSignal
  ): Promise<{ set: SecretSet; isChanged: boolean; redeploys: string[] }>
  /** Opens what a claimed build found sealed, and keeps it for it. @throws Failure `invalid-stack` at the line, `lease-lost` */
  sealForBuild(buildId: string, holder: string, documents: SealedDocument[], signal: AbortSignal): Promise<void>
  /** The versions that a claimed build would get of these secrets of its owner; those that are not there are left out. */
  secretsOfBuild(buildId: string, holder: string, names: string[], signal: AbortSignal): Promise<SecretVersion[]>
  /** The values of a claimed build's secrets, for the build itself. @throws Failure `not-found` */
  secretValues(
    buildId: string,
    holder: string,
    names: string[],
    signal: AbortSignal
  ): Promise<Record<string, { versionId: string; values: SecretValues }>>
  /** Every value, in base64, that the log of a claimed build must not show. */
  redactions(buildId: string, holder: string, signal: AbortSignal): Promise<string[]>
  /** The certificate that secrets are sealed with, as PEM. Made when it is asked for first. */
  sealingCertificate(signal: AbortSignal): Promise<string>
  /** Another certificate from now on; what was sealed with former ones opens as before. */
  rotateSealingKey(signal: AbortSignal): Promise<string>
  /** Private keys of another installation or of a sealed-secrets controller. Returns the fingerprints. @throws Failure `invalid-request` */
  importSealingKeys(text: string, signal: AbortSignal): Promise<string[]>
  /** Encrypts everything at rest with a new key. Returns how many values that were. */
  rotateEncryptionKey(signal: AbortSignal): Promise<number>
}

export const internalSecretPaths = {
  put: '/internal/owners/:id/secrets/:name',
  seal: '/internal/builds/:id/sealed-secrets',
  ofBuild: '/internal/builds/:id/secrets',
  values: '/internal/builds/:id/secret-values',
  redactions: '/internal/builds/:id/redactions',
  certificate: '/internal/sealing-certificate',
  rotateSealing: '/internal/sealing-certificate/rotation',
  importKeys: '/internal/sealing-keys',
  rotateEncryption: '/internal/encryption-key/rotation'
} as const

type Call = <T>(method: string, path: string, body: unknown, signal: AbortSignal) => Promise<T>

export function createInternalSecrets(call: Call): InternalSecrets {
  const paths = internalSecretPaths
  const ofBuild = <T>(path: string, id: string, body: object, signal: AbortSignal) =>
    call<T>('POST', fillPath(path, { id }), body, signal)
  return {
    putSecret: ({ ownerId: id, name, by }, values, signal) =>
      call('PUT', fillPath(paths.put, { id, name }), { values, by }, signal),
    sealForBuild: async (id, holder, documents, signal) => {
      await ofBuild(paths.seal, id, { holder, documents }, signal)
    },
    secretsOfBuild: (id, holder, names, signal) => ofBuild(paths.ofBuild, id, { holder, names }, signal),
    secretValues: (id, holder, names, signal) => ofBuild(paths.values, id, { holder, names }, signal),
    redactions: (id, holder, signal) => ofBuild(paths.redactions, id, { holder }, signal),
    sealingCertificate: async (signal) =>
      (await call<{ certificate: string }>('GET', paths.certificate, undefined, signal)).certificate,
    rotateSealingKey: async (signal) =>
      (await call<{ certificate: string }>('POST', paths.rotateSealing, undefined, signal)).certificate,
    importSealingKeys: (text, signal) => call('POST', paths.importKeys, { text }, signal),
    rotateEncryptionKey: async (signal) =>
      (await call<{ count: number }>('POST', paths.rotateEncryption, undefined, signal)).count
  }
}
