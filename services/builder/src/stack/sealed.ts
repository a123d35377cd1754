import { dirname, join } from 'node:path'
import type { SealedDocument } from '@slipway/client'
import type { StackWarning } from '@slipway/domain'
import { readConfinedFile } from '../context/confine.ts'
import { readYamlDocuments, type YamlDocument } from './document.ts'
import { failureAt, quote } from './location.ts'
import { required } from './presence.ts'
import { decode, exists } from './read.ts'
import { createReader, type Field, type Reader } from './reader.ts'

const names = ['secrets.yml', 'secrets.yaml']
const limitBytes = 2 * 1024 * 1024
const prefix = 'sealedsecrets.bitnami.com/'

/**
 * What a checkout holds sealed: the documents of `secrets.yml` beside its stack file, as they are written. Nothing is opened here.
 *
 * @throws Failure `invalid-stack`, `unsupported` at the line; `unsafe-path`
 */
export async function readSealedSecrets(
  checkout: string,
  stackFile: string,
  warnings: StackWarning[]
): Promise<SealedDocument[]> {
  const folder = dirname(stackFile)
  const paths = names.map((name) => (folder === '.' ? name : `${folder}/${name}`))
  const present: string[] = []
  for (const path of paths) if (await exists(join(checkout, path))) present.push(path)
  const [file, other] = present
  if (file === undefined) return []
  if (other !== undefined) {
    warnings.push({ path: other, line: 1, column: 1, message: `${other} is not used: ${file} comes first` })
  }
  const text = decode(await readConfinedFile(checkout, file, limitBytes, { field: 'the sealed secrets' }), file)
  return readYamlDocuments(text, file, limitBytes)
    .filter(({ root }) => root !== null)
    .map((document) => readDocument(document, file, warnings))
}

function readDocument(document: YamlDocument, file: string, warnings: StackWarning[]): SealedDocument {
  const reader = createReader(document, {}, warnings)
  const start = document.root === null ? { path: file, line: 1, column: 1 } : document.locate(document.root)
  const root: Field = { name: '', at: start, node: document.root }
  const kind = reader.entries(root).find(({ key }) => key === 'kind')
  assertKind(kind?.field ?? { name: 'kind', at: start, node: null }, reader)
  const found = reader.fields(root, ['apiVersion', 'kind', 'metadata', 'spec'], { status: 'a cluster writes it' })
  const missing = (name: string): Field => ({ name, at: start, node: null })
  const version = required(found.get('apiVersion') ?? missing('apiVersion'), reader, 'bitnami.com/v1alpha1')
  if (version.value !== 'bitnami.com/v1alpha1') {
    throw failureAt(
      'invalid-stack',
      version.at,
      `apiVersion: ${quote(version.value)} is not known: expected bitnami.com/v1alpha1`
    )
  }
  const metadata = new Map(
    reader.entries(found.get('metadata') ?? missing('metadata')).map(({ key, field }) => [key, field])
  )
  const at = found.get('metadata')?.at ?? start
  const need = (key: string, what: string) =>
    required(metadata.get(key) ?? { name: `metadata.${key}`, at, node: null }, reader, what)
  const name = need('name', 'the name that it is sealed for')
  const namespace = need('namespace', 'the namespace that it is sealed for')
  const scope = scopeOf(metadata.get('annotations'), reader) ?? { value: 'strict' as const, at: name.at }
  return {
    name: name.value,
    namespace: namespace.value,
    scope: scope.value,
    at: { name: name.at, namespace: namespace.at, scope: scope.at },
    values: valuesOf(found.get('spec') ?? missing('spec'), reader)
  }
}

function assertKind(field: Field, reader: Reader): void {
  const { value, at } = required(field, reader, 'SealedSecret')
  if (value === 'SealedSecret') return
  const why =
    value === 'Secret'
      ? 'this is a Secret that is not sealed: everybody who reads the repository reads its values. Change them, and seal them with "slipway secrets seal" or kubeseal'
      : `kind: ${quote(value)} has no place here: expected SealedSecret`
  throw failureAt('invalid-stack', at, why)
}

function scopeOf(field: Field | undefined, reader: Reader) {
  if (field === undefined) return null
  const annotations = new Map(reader.entries(field).map((entry) => [entry.key, entry.field]))
  for (const scope of ['cluster-wide', 'namespace-wide'] as const) {
    const annotation = annotations.get(`${prefix}${scope}`)
    if (annotation !== undefined && reader.located(annotation).value === 'true')
      return { value: scope, at: annotation.at }
  }
  return null
}

function valuesOf(field: Field, reader: Reader): SealedDocument['values'] {
  const spec = reader.fields(field, ['encryptedData', 'template', 'data'])
  const data = spec.get('data')
  if (data !== undefined) {
    throw failureAt(
      'unsupported',
      data.at,
      'spec.data: the former form, which seals all values as one, is not read: seal again with a kubeseal of today'
    )
  }
  const template = spec.get('template')
  const templateData = template === undefined ? undefined : reader.entries(template).find(({ key }) => key === 'data')
  if (templateData !== undefined) {
    reader.warn(
      templateData.field.at,
      'spec.template.data is not used: templates are not executed, only sealed values count'
    )
  }
  const encrypted = spec.get('encryptedData')
  if (encrypted === undefined) {
    throw failureAt('invalid-stack', field.at, 'spec: expected encryptedData, the sealed values')
  }
  return reader.entries(encrypted).map(({ key, field: value }) => ({
    key,
    // YAML may break a long text into lines.
    sealed: reader.longText(value).replaceAll(/\s+/g, ''),
    at: value.at
  }))
}
