import { posix } from 'node:path'
import ignore, { type Ignore } from 'ignore'

export interface IgnoreRules {
  /** Paths are relative, with `/`. A folder above that is ignored ignores what is in it. */
  isIgnored(path: string): boolean
  /** Ignored folders need not be looked into: no rule brings anything back. */
  hasExceptions: boolean
}

export const noIgnoreRules: IgnoreRules = { isIgnored: () => false, hasExceptions: false }

/**
 * Docker's `.dockerignore`: every pattern is anchored at the root, the last one that matches a path or a folder above it decides.
 * The matching itself is that of .gitignore, pattern by pattern, which differs in neither respect once the patterns stand alone.
 */
export function parseDockerignore(text: string): IgnoreRules {
  const rules: { isException: boolean; matcher: Ignore }[] = []
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const isException = line.trim().startsWith('!')
    const written = (isException ? line.trim().slice(1) : line).trim()
    if (written === '') continue
    const pattern = posix
      .normalize(written)
      .replace(/^(?:\.?\/)+/, '')
      .replace(/\/+$/, '')
    if (pattern === '' || pattern === '.' || pattern.startsWith('..')) continue
    rules.push({ isException, matcher: ignore({ ignorecase: false }).add(`/${pattern}`) })
  }
  if (rules.length === 0) return noIgnoreRules
  return {
    hasExceptions: rules.some(({ isException }) => isException),
    isIgnored(path) {
      const last = rules.findLast(({ matcher }) => matcher.ignores(path))
      return last !== undefined && !last.isException
    }
  }
}
