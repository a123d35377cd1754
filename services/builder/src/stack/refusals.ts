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
