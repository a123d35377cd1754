import { Failure } from '@slipway/domain'
import { failureAt, type Located, quote } from '../stack/location.ts'
import { isAllowed } from '../stack/policy.ts'

/** A git repository that holds templates. `ref` null: its default branch. */
export interface RepositorySource {
  url: string
  ref: string | null
}

/**
 * An entry of `configuration.templates`: `https://host/owner/repository[.git][#ref]`. Unencrypted `http` is taken only where an
 * administrator's list says so with an entry that begins with `http://`: a forge within the house.
 *
 * @throws Failure `invalid-stack` for anything else: other protocols, credentials in the address, names that git would read as options.
 */
export function parseSource({ value, at }: Located<string>, allowed: readonly string[]): RepositorySource {
  const wrong = (why: string) => failureAt('invalid-stack', at, `configuration.templates: ${quote(value)} ${why}`)
  const mark = value.indexOf('#')
  const address = mark === -1 ? value : value.slice(0, mark)
  const ref = mark === -1 ? null : value.slice(mark + 1)
  const url = URL.parse(address)
  const isUnencryptedAllowed =
    url?.protocol === 'http:' &&
    isSourceAllowed(
      { url: url.href, ref },
      allowed.filter((pattern) => /^http:/i.test(pattern))
    )
  if (url === null || !(url.protocol === 'https:' || isUnencryptedAllowed))
    throw wrong('is not the https address of a git repository')
  if (url.username !== '' || url.password !== '') throw wrong('holds credentials: remove them')
  if (url.search !== '' || !/^\/[\w./~-]+$/.test(url.pathname) || url.pathname.includes('..'))
    throw wrong('is not the address of a git repository')
  if (ref !== null && !isRef(ref)) throw wrong('ends in something that is no branch, tag or commit')
  return { url: url.href, ref }
}

/** What an administrator configured: `url[#ref]`, any protocol that git part allows. @throws Failure `invalid-configuration` */
export function parsePlatformSource(text: string): RepositorySource {
  const mark = text.indexOf('#')
  const url = mark === -1 ? text : text.slice(0, mark)
  const ref = mark === -1 ? null : text.slice(mark + 1)
  if (url === '' || url.startsWith('-') || (ref !== null && !isRef(ref))) {
    throw new Failure(
      'invalid-configuration',
      `template repository ${JSON.stringify(text)} is not an address with an optional #ref`
    )
  }
  return { url, ref }
}

/** Compared without case, ref and `.git`. */
export function isSourceAllowed({ url }: RepositorySource, allowed: readonly string[]): boolean {
  return isAllowed(canonical(url), allowed.map(canonical))
}

function canonical(url: string): string {
  return url
    .toLowerCase()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
}

/** Git's rules for refs, as far as they keep a name from being an option or an expression. */
function isRef(text: string): boolean {
  return (
    /^[A-Za-z0-9_][\w./+-]{0,199}$/.test(text) &&
    !text.includes('..') &&
    !text.includes('//') &&
    !/(?:\.lock|[./])$/.test(text)
  )
}
