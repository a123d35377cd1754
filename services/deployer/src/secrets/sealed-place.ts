import type { SealedDocument } from '@slipway/client'
import { Failure, type FailureCode, isSecretName, type SourceLocation, secretNameOf } from '@slipway/domain'
import type { SealScope } from '@slipway/secrets'

/** Where OpenFaaS Cloud kept the secrets of all owners: there a secret's whole name tells whose it is. */
const sharedNamespace = 'openfaas-fn'

/** Whose a sealed secret is, decided by where it says that it belongs, which its values are bound to. */
export interface SealedPlace {
  /** The set, without its owner. */
  set: string
  scope: SealScope
  /** The whole name, where other owners have theirs too. */
  sharedName: string | null
}

/** @throws Failure `invalid-stack` or `unsupported` at the line that does not belong to this owner, with what to do. */
export function sealedPlaceOf(slug: string, { namespace, name, scope, at }: SealedDocument): SealedPlace {
  const isShared = namespace === sharedNamespace
  const set = secretNameOf(slug, name)
  if (scope === 'cluster-wide') {
    const why =
      'a secret that is sealed for the whole cluster opens for every owner: seal it again with "--scope strict"'
    throw refusal('unsupported', at.scope, why)
  }
  if (!isShared && namespace !== slug) {
    const why = `the namespace ${quote(namespace)} is not yours: seal for "${slug}" (or "${sharedNamespace}", with a name that begins with "${slug}-")`
    throw refusal('invalid-stack', at.namespace, why)
  }
  if (isShared && scope === 'namespace-wide') {
    const why = `"${sharedNamespace}" is a namespace of all owners, where a namespace-wide secret opens for each of them: seal it with "--scope strict", or for the namespace "${slug}"`
    throw refusal('unsupported', at.scope, why)
  }
  if (isShared && set === name) {
    const why = `in "${sharedNamespace}" a secret of yours is called "${slug}-<name>", and ${quote(name)} is not: seal it again under such a name`
    throw refusal('invalid-stack', at.name, why)
  }
  if (!isSecretName(set)) {
    const why = `${quote(name)} cannot be the name of a secret: lower-case letters, digits, "-" and ".", at most 63`
    throw refusal('invalid-stack', at.name, why)
  }
  const sealScope = { namespace, name: scope === 'strict' ? name : null }
  return { set, scope: sealScope, sharedName: isShared ? name : null }
}

export function refusal(code: FailureCode, at: SourceLocation, why: string): Failure {
  return new Failure(code, `${at.path}:${at.line}:${at.column}: ${why}`, { location: at })
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
