/*
 * The dashboard's cookies. It answers at a host of its own, but on one machine that may be the gateway's as well, and cookies do not
 * tell ports apart: a function would get the session of whoever looks at it, or could put another one in its place.
 */

const own = /^\s*(?:__Host-)?slipway(?:-sign-in)?\s*(?:=|$)/i

/** A `Cookie` header without them; null when nothing is left. */
export function withoutOwnCookies(header: string): string | null {
  if (!/slipway/i.test(header)) return header
  const kept = header.split(';').filter((pair) => !own.test(pair))
  const text = kept.join(';').trim()
  return text === '' ? null : text
}

/** True for a `Set-Cookie` that would put one in their place. */
export function setsOwnCookie(header: string): boolean {
  return own.test(header)
}
