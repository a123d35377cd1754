import { isSecretName, secretNameOf } from '@slipway/domain'
import { failureAt, type Located, quote } from './location.ts'
import { required } from './presence.ts'
import type { Field, Reader } from './reader.ts'

/** A secret that a build may read, and the id that the Dockerfile asks for it by. */
export interface BuildSecret {
  id: string
  /** Of the set, without its owner. */
  name: Located<string>
}

/** Names of sets, each once, written with or without their owner. @throws Failure `invalid-stack` */
export function readSecrets(field: Field, reader: Reader, slug: string): Located<string>[] {
  const secrets = reader.list(field).map((item) => {
    const { value, at } = required(item, reader, 'the name of a secret')
    return { value: settledName(value, at, field.name, slug), at }
  })
  return secrets.filter(({ value }, index) => secrets.findIndex((other) => other.value === value) === index)
}

/** faas-cli reads files of its own machine here; a server must not. @throws Failure `unsafe-path` for paths, `invalid-stack` */
export function readBuildSecrets(field: Field, reader: Reader, slug: string): BuildSecret[] {
  return reader.entries(field).map(({ key: id, field: entry }) => {
    const { value, at } = required(entry, reader, 'the name of a secret')
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(id)) {
      throw failureAt('invalid-stack', entry.at, `${entry.name}: ${quote(id)} cannot be the id of a build secret`)
    }
    if (/^[.~]|[/\\]/.test(value)) {
      throw failureAt(
        'unsafe-path',
        at,
        `${entry.name}: ${quote(value)} is a path, and files of the server are never read: store the secret with "slipway secrets set ${quote(id)} --file …" and name it here`
      )
    }
    return { id, name: { value: settledName(value, at, entry.name, slug), at } }
  })
}

function settledName(written: string, at: Located<string>['at'], field: string, slug: string): string {
  const name = secretNameOf(slug, written)
  if (isSecretName(name)) return name
  throw failureAt(
    'invalid-stack',
    at,
    `${field}: ${quote(written)} is not the name of a secret: lower-case letters, digits, "-", "_" and ".", at most 63`
  )
}
