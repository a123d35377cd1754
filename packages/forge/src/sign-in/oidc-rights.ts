import { Failure, type ForgeRights, isValidSlug, type Right } from '@slipway/domain'

/** What members of a provider's groups may do here. */
export interface GroupRights {
  /** The claim of the userinfo that names a person's groups. */
  claim: string
  byGroup: ReadonlyMap<string, readonly { slug: string; right: Right }[]>
}

const order = ['read', 'write', 'admin'] as const satisfies readonly Right[]
const entryForm = /^(?<group>.+)=(?<slug>[^=:\s]+):(?<right>[a-z]+)$/

/**
 * Reads `OIDC_RIGHTS`: entries `<group>=<slug of an owner>:<right>`, separated by `;`. A group may have several.
 *
 * @throws Failure `invalid-configuration` that names the entry
 */
export function readGroupRights(text: string, claim: string): GroupRights {
  const byGroup = new Map<string, { slug: string; right: Right }[]>()
  for (const entry of text.split(';').map((part) => part.trim())) {
    if (entry === '') continue
    const { group = '', slug = '', right: word } = entryForm.exec(entry)?.groups ?? {}
    const right = order.find((one) => one === word)
    if (right === undefined || !isValidSlug(slug)) {
      throw new Failure(
        'invalid-configuration',
        `OIDC_RIGHTS: "${entry.slice(0, 80)}" cannot be read: write <group>=<slug of an owner>:<${order.join(' | ')}>, several separated by ";"`
      )
    }
    const name = group.trim()
    byGroup.set(name, [...(byGroup.get(name) ?? []), { slug, right }])
  }
  return { claim, byGroup }
}

/** Of several groups the highest right counts. Whatever the claim is but names of groups gives none. */
export function rightsOfClaims({ claim, byGroup }: GroupRights, claims: Record<string, unknown>): ForgeRights {
  const said = claims[claim]
  const groups = typeof said === 'string' ? [said] : Array.isArray(said) ? said : []
  const bySlug = new Map<string, Right>()
  for (const group of groups as unknown[]) {
    for (const { slug, right } of (typeof group === 'string' && byGroup.get(group)) || []) {
      const known = bySlug.get(slug)
      if (known === undefined || order.indexOf(right) > order.indexOf(known)) bySlug.set(slug, right)
    }
  }
  return { owners: [], repositories: [], slugs: [...bySlug].map(([slug, right]) => ({ slug, right })) }
}
