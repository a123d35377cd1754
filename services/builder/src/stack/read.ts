import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type StackWarning } from '@slipway/domain'
import { readConfinedFile } from '../context/confine.ts'
import { readYaml, yamlLimitBytes } from './document.ts'
import { admitEnvironment, checkEnvironmentSize, writeTimeoutOf } from './environment.ts'
import type { StackFunction } from './function.ts'
import { failureAt, type Located } from './location.ts'
import { parseStack, type Stack, type StackOptions, variablesOf } from './parse.ts'
import { createReader } from './reader.ts'

const names = ['stack.yml', 'stack.yaml']
const environmentFileLimit = 20

/**
 * Reads the stack of a checkout: the file at `stackPath`, else `stack.yml` or `stack.yaml` at the root, with the environment files it names.
 *
 * @throws Failure as `parseStack`, and `unsafe-path` for files outside the checkout.
 */
export async function readStack(
  checkout: string,
  { stackPath, ...options }: Omit<StackOptions, 'file'> & { stackPath: string | null }
): Promise<Stack> {
  const { file, others } = await findStackFile(checkout, stackPath)
  const content = await readConfinedFile(checkout, file, yamlLimitBytes, { field: 'the stack file' })
  const stack = parseStack(decode(content, file), { ...options, file })
  for (const other of others) {
    stack.warnings.push({ path: other, line: 1, column: 1, message: `${other} is not used: ${file} comes first` })
  }
  const functions: StackFunction[] = []
  for (const fn of stack.functions) {
    functions.push(await withEnvironmentFiles(fn, checkout, variablesOf(options, fn.name), stack.warnings))
  }
  return { ...stack, functions }
}

async function findStackFile(checkout: string, stackPath: string | null): Promise<{ file: string; others: string[] }> {
  if (stackPath !== null) return { file: stackPath.replace(/^\.\//, ''), others: [] }
  const present: string[] = []
  for (const name of names) if (await exists(join(checkout, name))) present.push(name)
  const [file, ...others] = present
  if (file === undefined) {
    throw new Failure(
      'invalid-stack',
      'no stack.yml or stack.yaml at the root of the repository: add one that lists its functions',
      {
        location: { path: 'stack.yml', line: 1, column: 1 }
      }
    )
  }
  return { file, others }
}

/** Whether there is anything by this name, be it a link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  const stats = await lstat(path, { bigint: false }).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return null
    throw err
  })
  return stats !== null
}

/** @throws Failure `invalid-stack` where it is no UTF-8 */
export function decode(content: Buffer, file: string): string {
  const text = content.toString('utf8')
  if (Buffer.from(text).equals(content)) return text
  const before = text.slice(0, text.indexOf('\ufffd'))
  const line = before.split('\n').length
  const column = before.length - before.lastIndexOf('\n')
  throw failureAt('invalid-stack', { path: file, line, column }, 'the file is not UTF-8')
}

/** The files' variables go over the stack's own, the last file first, as in OpenFaaS. */
async function withEnvironmentFiles(
  fn: StackFunction,
  checkout: string,
  variables: Readonly<Record<string, string>>,
  warnings: StackWarning[]
): Promise<StackFunction> {
  const [first] = fn.environmentFiles
  if (first === undefined) return fn
  if (fn.environmentFiles.length > environmentFileLimit) {
    throw failureAt(
      'limit-exceeded',
      first.at,
      `functions.${fn.name}.environment_file: more than ${environmentFileLimit} files`
    )
  }
  const environment: Record<string, string> = { ...fn.spec.environment }
  for (const item of fn.environmentFiles) {
    Object.assign(environment, await readEnvironmentFile(fn.name, item, checkout, variables, warnings))
  }
  checkEnvironmentSize(Object.entries(environment), first.at)
  const writeTimeoutMs = writeTimeoutOf(environment, first.at)
  return { ...fn, environmentFiles: [], spec: { ...fn.spec, environment, writeTimeoutMs } }
}

async function readEnvironmentFile(
  functionName: string,
  { value: path, at }: Located<string>,
  checkout: string,
  variables: Readonly<Record<string, string>>,
  warnings: StackWarning[]
): Promise<Record<string, string>> {
  const use = { field: `functions.${functionName}.environment_file`, at }
  const content = await readConfinedFile(checkout, path, yamlLimitBytes, use)
  const file = path.replace(/^\.\//, '')
  const document = readYaml(decode(content, file), file)
  const reader = createReader(document, variables, warnings)
  const root = { name: '', at: { path: file, line: 1, column: 1 }, node: document.root }
  const environment = reader.fields(root, ['environment']).get('environment')
  if (environment === undefined) return {}
  return admitEnvironment(
    reader.entries(environment).map(({ key, field }) => ({ key, value: reader.longText(field), field }))
  )
}
