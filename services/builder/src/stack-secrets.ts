import type { InternalSecrets, SecretValues, SecretVersion } from '@slipway/client'
import { type Claim, Failure } from '@slipway/domain'
import type { Redactor } from '@slipway/secrets'
import { mountIdOf } from './context/secret-mounts.ts'
import type { StackFunction } from './stack/function.ts'
import { failureAt, type Located, quote } from './stack/location.ts'
import type { Stack } from './stack/parse.ts'
import { readSealedSecrets } from './stack/sealed.ts'

/** A claim with the name under which this one run holds it. */
export type HeldClaim = Claim & { holder: string }

/** What is known of the secrets that a stack names. */
export interface StackSecrets {
  /** The version, and the id that builds mount it by. */
  of(name: string, id: string): { versionId: string; mountId: string }
}

/** What `deployer` is asked for: values of a claimed build's owner, and nothing else. */
type Internal = Pick<InternalSecrets, 'sealForBuild' | 'secretsOfBuild' | 'secretValues' | 'redactions'>

/**
 * Hands over what the checkout holds sealed, looks whether everything is there that its stack names, and gives the redactor what
 * must not be shown. Changes nothing that is live.
 *
 * @throws Failure `invalid-stack` at the line that names a secret that is not there, with the command that sets it
 */
export type SettleSecrets = (
  claim: HeldClaim,
  of: { checkout: string; stack: Stack },
  redactor: Redactor,
  signal: AbortSignal
) => Promise<StackSecrets>

export function createSettleSecrets(internal: Internal): SettleSecrets {
  return async function settleSecrets(claim, { checkout, stack }, redactor, signal) {
    const { build, holder, ownerSlug } = claim
    const documents = await readSealedSecrets(checkout, stack.file, stack.warnings)
    if (documents.length > 0) await internal.sealForBuild(build.id, holder, documents, signal)
    const names = [...new Set(stack.functions.flatMap(namesOf))]
    const [versions, redactions] = await Promise.all([
      names.length === 0 ? [] : internal.secretsOfBuild(build.id, holder, names, signal),
      internal.redactions(build.id, holder, signal)
    ])
    for (const value of redactions) redactor.add(Buffer.from(value, 'base64'))
    const known = new Map(versions.map((version) => [version.name, version]))
    for (const fn of stack.functions) assertThere(fn, known, ownerSlug)
    return {
      of(name, id) {
        const versionId = known.get(name)?.versionId ?? ''
        const mountId = mountIdOf(`${versionId} ${id}`)
        // Whoever knew it could find in the engine's cache what was made with it.
        redactor.add(mountId)
        return { versionId, mountId }
      }
    }
  }
}

function namesOf({ secrets, build }: StackFunction): string[] {
  return [...secrets, ...(build?.secrets.map(({ name }) => name) ?? [])].map(({ value }) => value)
}

function assertThere(fn: StackFunction, known: ReadonlyMap<string, SecretVersion>, slug: string): void {
  const keys = new Map<string, string>()
  for (const secret of fn.secrets) {
    for (const key of found(secret, known, `functions.${fn.name}.secrets`, slug).keys) {
      const other = keys.get(key)
      if (other !== undefined) {
        const why = `the secrets "${other}" and "${secret.value}" both have the key ${quote(key)}, which is one file: rename one`
        throw failureAt('invalid-stack', secret.at, `functions.${fn.name}.secrets: ${why}`)
      }
      keys.set(key, secret.value)
    }
  }
  for (const { id, name } of fn.build?.secrets ?? []) {
    const field = `functions.${fn.name}.build_secrets.${id}`
    const version = found(name, known, field, slug)
    if (keyFor(id, version.keys) === null) {
      const why = `the secret "${name.value}" has several keys (${version.keys.join(', ')}) and none is ${quote(id)}: name the build secret as one of them`
      throw failureAt('invalid-stack', name.at, `${field}: ${why}`)
    }
  }
}

function found(
  { value, at }: Located<string>,
  known: ReadonlyMap<string, SecretVersion>,
  field: string,
  slug: string
): SecretVersion {
  const version = known.get(value)
  if (version !== undefined) return version
  throw failureAt(
    'invalid-stack',
    at,
    `${field}: ${slug} has no secret "${value}": set it with "slipway secrets set ${value} --owner ${slug}", or seal it in secrets.yml`
  )
}

/** Of a set with one key it is meant, of one with several the one that the build secret is called by. */
function keyFor(id: string, keys: readonly string[]): string | null {
  const [only] = keys
  if (only !== undefined && keys.length === 1) return only
  return keys.includes(id) ? id : null
}

/** A secret that a build reads, by the id that it asks for it by. */
export interface WantedSecret {
  id: string
  /** What it is served under. */
  mountId: string
  name: string
  /** Its image stands for this version. */
  versionId: string
}

/** The values that a build reads, by what they are served under. They are asked for only when something is really built. */
export type SecretsForBuild = (
  claim: HeldClaim,
  secrets: readonly WantedSecret[],
  signal: AbortSignal
) => Promise<Map<string, Uint8Array>>

export function createSecretsForBuild(internal: Pick<InternalSecrets, 'secretValues'>): SecretsForBuild {
  return async function secretsForBuild({ build, holder }, secrets, signal) {
    if (secrets.length === 0) return new Map()
    const names = [...new Set(secrets.map(({ name }) => name))]
    const values = await internal.secretValues(build.id, holder, names, signal)
    return new Map(secrets.map((secret) => [secret.mountId, valueOf(secret, values[secret.name])]))
  }
}

function valueOf(
  { id, name, versionId }: WantedSecret,
  opened: { versionId: string; values: SecretValues } | undefined
): Buffer {
  if (opened?.versionId !== versionId) {
    throw new Failure('unavailable', `the secret "${name}" was changed during the build, which begins again`)
  }
  const { values } = opened
  const key = keyFor(id, Object.keys(values))
  if (key === null) throw new Failure('not-found', `the secret "${name}" has no key ${quote(id)} any more`)
  return Buffer.from(values[key] ?? '', 'base64')
}
