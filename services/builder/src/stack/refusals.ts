import { failureAt, quote } from './location.ts'
import { optional } from './presence.ts'
import type { Field, Reader } from './reader.ts'

/** Functions run where their owner's are. @throws Failure `invalid-stack` */
export function refuseForeignNamespace(field: Field, reader: Reader, slug: string): void {
  const namespace = optional(field, reader)
  if (namespace === null || namespace.value === slug) return
  throw failureAt(
    'invalid-stack',
    namespace.at,
    `${field.name}: ${quote(namespace.value)} is not yours: functions of this repository live in "${slug}"; remove the field`
  )
}

/** faas-cli reads files of its own machine here; a server must not. @throws Failure `unsafe-path` for paths, `unsupported` for names */
export function refuseBuildSecrets(field: Field, reader: Reader): void {
  for (const { key, field: entry } of reader.entries(field)) {
    const { value, at } = reader.located(entry)
    if (/^[.~]|[/\\]/.test(value)) {
      throw failureAt(
        'unsafe-path',
        at,
        `${entry.name}: ${quote(value)} is a path, and files of the server are never read: store the secret with "slipway secrets set ${quote(key)} --file …" and name it here`
      )
    }
    throw failureAt('unsupported', at, `${entry.name}: secrets in builds are not available yet: remove build_secrets`)
  }
}

/** OpenFaaS writes one text with commas; a list is as clear. @throws Failure `unsupported` */
export function refuseForeignPlatforms(field: Field, reader: Reader, platform: string): void {
  if (field.node === null) return
  const platforms =
    'items' in field.node ? reader.list(field).map((item) => reader.located(item)) : [reader.located(field)]
  for (const { value, at } of platforms) {
    for (const name of value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')) {
      if (canonicalPlatform(name) !== canonicalPlatform(platform)) {
        throw failureAt(
          'unsupported',
          at,
          `${field.name}: this installation builds for ${platform} only, not for ${quote(name)}`
        )
      }
    }
  }
}

function canonicalPlatform(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(?!linux\/)/, 'linux/')
    .replace(/^linux\/arm64\/v8$/, 'linux/arm64')
}
