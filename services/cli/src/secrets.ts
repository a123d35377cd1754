import { readFile } from 'node:fs/promises'
import type { StatusApi } from '@slipway/client'
import { assertSecretValues, Failure, secretNameOf } from '@slipway/domain'
import { sealValue } from '@slipway/secrets'
import { ago, table } from './table.ts'

export interface ValueOptions {
  /** The value is this file. */
  file?: string
  /** `key=path`: a set with several keys. */
  fromFile: string[]
  /** What the value is called; as the secret itself when not given. */
  key?: string
  /** A last line feed of standard input belongs to the value. */
  keepNewline: boolean
}

/** Standard input, and whether somebody sits in front of it. */
export interface Input extends AsyncIterable<Uint8Array | string> {
  isTTY?: boolean
}

/**
 * The values of a secret, from files or standard input. Never from an argument: those are seen by everybody on the machine,
 * and stay in the shell's history.
 *
 * @throws Failure `invalid-request`
 */
export async function readValues(name: string, options: ValueOptions, input: Input): Promise<Map<string, Buffer>> {
  const { file, fromFile, key = name, keepNewline } = options
  const values = new Map<string, Buffer>()
  for (const pair of fromFile) {
    const at = pair.indexOf('=')
    if (at < 1) throw new Failure('invalid-request', `--from-file ${JSON.stringify(pair)}: write <key>=<path>`)
    values.set(pair.slice(0, at), await contentOf(pair.slice(at + 1)))
  }
  if (file !== undefined) values.set(key, await contentOf(file))
  if (values.size === 0) values.set(key, await fromInput(input, keepNewline))
  assertSecretValues(name, values)
  return values
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (err) {
    throw new Failure('invalid-request', `${path} cannot be read: ${(err as NodeJS.ErrnoException).code}`, {
      cause: err
    })
  }
}

async function fromInput(input: Input, keepNewline: boolean): Promise<Buffer> {
  if (input.isTTY === true) {
    throw new Failure(
      'invalid-request',
      'give the value on standard input (… | slipway secrets set <name>), or with --file or --from-file'
    )
  }
  const parts: Buffer[] = []
  for await (const part of input) parts.push(Buffer.from(part))
  const value = Buffer.concat(parts)
  const end = value.at(-1) === 0x0a ? (value.at(-2) === 0x0d ? 2 : 1) : 0
  return keepNewline || end === 0 ? value : value.subarray(0, -end)
}

export async function setSecret(
  api: Pick<StatusApi, 'putSecret'>,
  of: { owner: string; name: string },
  values: ReadonlyMap<string, Buffer>
): Promise<string> {
  const encoded = Object.fromEntries([...values].map(([key, value]) => [key, value.toString('base64')]))
  const { secret, isChanged, redeploys } = await api.putSecret({ ...of, values: encoded, encoding: 'base64' })
  const what = `${secret.owner}/${secret.name} (${secret.keys.join(', ')})`
  if (!isChanged) return `${what} has these values already`
  return redeploys.length === 0
    ? `${what} is set: functions get it that list it under "secrets"`
    : `${what} is set: its functions are deployed again (${redeploys.join(', ')})`
}

export async function listSecrets(
  api: Pick<StatusApi, 'listSecrets'>,
  { owner, json }: { owner: string; json: boolean },
  now: number
): Promise<string> {
  const { items } = await api.listSecrets({ owner })
  if (json) return JSON.stringify(items, null, 2)
  if (items.length === 0) return `${owner} has no secrets: "slipway secrets set <name>" makes one.`
  const rows = items.map((one) => [
    one.name,
    one.keys.join(', '),
    one.origin === 'sealed' ? `sealed in ${one.repository}` : 'set by API',
    ago(one.updatedAt, now)
  ])
  return table(['SECRET', 'KEYS', 'FROM', 'CHANGED'], rows)
}

/** A document for `secrets.yml`, sealed with the installation's certificate, in the format of `kubeseal`. */
export function sealSecret(
  certificate: string,
  of: { owner: string; name: string; isNamespaceWide: boolean },
  values: ReadonlyMap<string, Buffer>,
  now: number
): string {
  const { owner, isNamespaceWide } = of
  const name = secretNameOf(owner, of.name)
  const scope = { namespace: owner, name: isNamespaceWide ? null : name }
  const sealed = [...values].map(
    ([key, value]) => `    ${JSON.stringify(key)}: ${sealValue(certificate, value, scope, now)}`
  )
  return [
    '---',
    'apiVersion: bitnami.com/v1alpha1',
    'kind: SealedSecret',
    'metadata:',
    `  name: ${JSON.stringify(name)}`,
    `  namespace: ${JSON.stringify(owner)}`,
    ...(isNamespaceWide ? ['  annotations:', '    sealedsecrets.bitnami.com/namespace-wide: "true"'] : []),
    'spec:',
    '  encryptedData:',
    ...sealed
  ].join('\n')
}
