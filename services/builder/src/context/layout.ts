import { stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { SourceLocation } from '@slipway/domain'
import { type IgnoreRules, noIgnoreRules, parseDockerignore } from '@slipway/source'
import type { Located } from '../stack/location.ts'
import { confine, type PathUse, readConfinedFile, refusal } from './confine.ts'
import { type ContextBudget, type ContextEntry, fileEntry, scan } from './scan.ts'

export interface LayoutOptions {
  checkout: string
  functionName: string
  handler: Located<string>
  /** The template's folder; null: the handler is the whole context. */
  templatePath: string | null
  templateName: string
  /** '' for the root of the context. */
  handlerFolder: string
  copy: readonly Located<string>[]
  budget: ContextBudget
  signal: AbortSignal
}

const ignoreFileLimitBytes = 256 * 1024

/**
 * The files of a build context by their path in it: the template's, over them the function's own in the handler's folder, over them
 * the folders that the stack copies. Sources stay where they are.
 */
export async function layOut(
  options: LayoutOptions
): Promise<{ entries: Map<string, ContextEntry>; handlerBytes: number }> {
  const { templatePath, templateName, handlerFolder, budget, signal } = options
  const entries = new Map<string, ContextEntry>()
  let templateRules = noIgnoreRules
  if (templatePath !== null) {
    const use = { field: `template "${templateName}"` }
    templateRules = await readIgnoreFile(templatePath, use)
    const found = await scan(templatePath, { use, budget, signal, ...templateRules })
    for (const [path, entry] of found) entries.set(path, entry)
  }
  const bytesBefore = budget.bytes
  const put = (path: string, entry: ContextEntry) => {
    const target = handlerFolder === '' ? path : `${handlerFolder}/${path}`
    if (!templateRules.isIgnored(target)) entries.set(target, entry)
  }
  for (const [path, entry] of await scanHandler(options)) put(path, entry)
  for (const item of options.copy) {
    for (const [path, entry] of await scanCopy(item, options)) put(path, entry)
  }
  checkTree(entries, { field: `functions.${options.functionName}.handler`, at: options.handler.at })
  return { entries, handlerBytes: budget.bytes - bytesBefore }
}

async function scanHandler({ checkout, functionName, handler, handlerFolder, budget, signal }: LayoutOptions) {
  const use: PathUse = { field: `functions.${functionName}.handler`, at: handler.at }
  const { path: root, relative } = await confine(checkout, handler.value, use)
  if (!(await stat(root)).isDirectory())
    throw refusal('invalid-stack', handler.value, use, 'is a file: the handler is a folder')
  const rules = await readIgnoreFile(root, use)
  // The whole repository as one function: its templates and what faas-cli wrote are no part of it.
  const isOurs = (path: string) => relative === '' && handlerFolder !== '' && /^(?:template|build)(?:\/|$)/.test(path)
  const isKept = (path: string) => handlerFolder === '' && (path === 'Dockerfile' || path === '.dockerignore')
  return scan(root, {
    use,
    budget,
    signal,
    hasExceptions: rules.hasExceptions,
    isIgnored: (path) => isOurs(path) || (rules.isIgnored(path) && !isKept(path))
  })
}

async function scanCopy({ value, at }: Located<string>, { checkout, budget, signal }: LayoutOptions) {
  const use: PathUse = { field: 'configuration.copy', at }
  const { path: root } = await confine(checkout, value, use)
  const target = posix.normalize(value).replace(/\/+$/, '')
  const stats = await stat(root)
  if (stats.isFile()) return new Map([[target, fileEntry(root, value, stats, budget, use)]])
  if (!stats.isDirectory()) throw refusal('unsafe-path', value, use, 'is neither a file nor a folder')
  const found = await scan(root, { use, budget, signal, ...noIgnoreRules })
  const prefix = target === '.' ? '' : `${target}/`
  return new Map([...found].map(([path, entry]) => [`${prefix}${path}`, entry] as const))
}

async function readIgnoreFile(root: string, use: PathUse): Promise<IgnoreRules> {
  const isThere = await stat(join(root, '.dockerignore')).then(
    () => true,
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT' || err.code === 'ELOOP') return false
      throw err
    }
  )
  if (!isThere) return noIgnoreRules
  return parseDockerignore((await readConfinedFile(root, '.dockerignore', ignoreFileLimitBytes, use)).toString('utf8'))
}

/** Nothing may lie below a file or a link: who unpacked it would follow the link. */
function checkTree(entries: ReadonlyMap<string, ContextEntry>, use: { field: string; at: SourceLocation }): void {
  for (const path of entries.keys()) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (entries.has(path.slice(0, cut))) {
        throw refusal(
          'unsafe-path',
          path,
          use,
          `lies below ${JSON.stringify(path.slice(0, cut))}, which is not a folder in the context`
        )
      }
    }
  }
}
