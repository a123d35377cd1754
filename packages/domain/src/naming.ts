import { Failure } from './failure.ts'

/** Names that no owner may have: they are, or may become, hosts and namespaces of the platform itself. */
const reservedSlugs = new Set([
  'api',
  'www',
  'system',
  'auth',
  'gateway',
  'slipway',
  'openfaas',
  'openfaas-fn',
  'default',
  'localhost'
])

/** Function names that would be read as a part of the platform. */
const reservedFunctionNames = new Set(['system', 'gateway', 'healthz', 'readyz', 'metrics'])

export const slugLimit = 30
/** A cluster name is one DNS label. */
export const clusterNameLimit = 63

/** True when the slug may be given to an owner: one DNS label of at most 30 characters, not reserved. */
export function isValidSlug(slug: string): boolean {
  return slug.length <= slugLimit && isDnsLabel(slug) && !reservedSlugs.has(slug) && !slug.startsWith('kube-')
}

/**
 * The slug that an owner gets when it first connects: the login in lower case, every other character a `-`,
 * cut to 30 characters. null when nothing usable is left or the name is reserved: an administrator chooses one then.
 */
export function slugOf(login: string): string | null {
  const slug = login
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+/, '')
    .slice(0, slugLimit)
    .replace(/-+$/, '')
  return isValidSlug(slug) ? slug : null
}

/** RFC 1035: a lower-case letter first, then letters, digits and `-`, not ending in `-`; at most 63. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/.test(text)
}

/**
 * What a function is called in the cluster: `<slug>-<function>`. Slug and name are stored beside it, so that
 * owner `a` with `b-c` and owner `a-b` with `c` never meet: the store refuses the second.
 *
 * @throws Failure `invalid-stack` naming the rule that the name breaks.
 */
export function clusterNameOf(slug: string, functionName: string): string {
  if (!isDnsLabel(functionName)) {
    const like = functionName
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+/, '')
      .replace(/-+$/, '')
    const hint = isDnsLabel(like) ? `, as "${like}"` : ''
    throw new Failure(
      'invalid-stack',
      `function name ${JSON.stringify(functionName.slice(0, 80))} is not a DNS label: use lower-case letters, digits and "-", beginning with a letter${hint}`
    )
  }
  if (reservedFunctionNames.has(functionName)) {
    throw new Failure('invalid-stack', `function name "${functionName}" is reserved by the platform: choose another`)
  }
  const name = `${slug}-${functionName}`
  if (name.length > clusterNameLimit) {
    throw new Failure(
      'invalid-stack',
      `function name "${functionName}" is too long: "${name}" has ${name.length} characters, ${clusterNameLimit} are allowed`
    )
  }
  return name
}

/**
 * Where an owner's image lives in the registry, without host and tag: `<slug>/<repository>-<function>`,
 * or, for registries that know one flat level, `<slug>-<repository>-<function>`.
 * Repository names may hold more than image paths allow: every other character becomes `-`.
 */
export function imagePathOf(
  slug: string,
  repositoryName: string,
  functionName: string,
  layout: 'nested' | 'flat'
): string {
  const repository =
    repositoryName
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'repository'
  return layout === 'nested' ? `${slug}/${repository}-${functionName}` : `${slug}-${repository}-${functionName}`
}
