import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure, type StackWarning, suggestion } from '@slipway/domain'
import { confine, readConfinedFile } from '../context/confine.ts'
import { failureAt, type Located, quote } from '../stack/location.ts'
import type { TemplateSource } from '../stack/parse.ts'
import { parseManifest } from './manifest.ts'
import { isSourceAllowed, parseSource, type RepositorySource } from './source.ts'
import type { BuiltInName, Template } from './template.ts'

/** A template repository at one commit, below a path that is only read. Throws Failure `unavailable`, `commit-not-found` or `unsupported`. */
export type FetchTemplateRepository = (
  url: string,
  ref: string | null,
  signal: AbortSignal
) => Promise<{ path: string; commit: string }>

export interface TemplateOptions {
  checkout: string
  /** `configuration.templates` of the stack. */
  stackTemplates: readonly TemplateSource[]
  /** The repository's own `template/` folder may be used. */
  isOwnAllowed: boolean
  /** Addresses that `configuration.templates` may name; `*` at the end stands for anything. */
  allowedSources: readonly string[]
  /** The platform's own template repositories, first one first. */
  platformRepositories: readonly RepositorySource[]
  fetchTemplateRepository: FetchTemplateRepository
}

const builtInFolder = fileURLToPath(new URL('../../templates/', import.meta.url))
const builtIns: Record<string, BuiltInName> = {
  node: 'node',
  node18: 'node',
  node20: 'node',
  node22: 'node',
  python: 'python',
  python3: 'python',
  'python3-http': 'python',
  static: 'static'
}
const manifestLimitBytes = 64 * 1024

/** A folder that holds templates by name. */
interface Shelf {
  origin: Template['origin']
  source: string
  /** Nothing outside is read. */
  root: string
  /** Within the root. */
  folder: string
}

/**
 * Finds the template of a `lang`: in the repository's own `template/`, in what its stack names, in the platform's repositories,
 * and last among the built-in ones.
 *
 * @throws Failure `invalid-stack` at `lang` naming the templates there are; `unsafe-path`; what `fetchTemplateRepository` throws.
 */
export async function resolveTemplate(
  lang: Located<string>,
  options: TemplateOptions,
  signal: AbortSignal
): Promise<Template> {
  const name = lang.value
  if (name === 'dockerfile') return dockerfileTemplate()
  const warnings: StackWarning[] = []
  const seen: string[] = []
  for await (const shelf of shelves(name, options, warnings, signal)) {
    const names = await namesOn(shelf)
    if (names.includes(name)) return { ...(await openTemplate(shelf, name)), warnings }
    seen.push(...names)
  }
  const builtIn = Object.hasOwn(builtIns, name) ? builtIns[name] : undefined
  if (builtIn !== undefined) return { ...(await openBuiltIn(name, builtIn)), warnings }
  const known = [...new Set([...seen, ...Object.keys(builtIns), 'dockerfile'])].sort()
  const notes = warnings.map(({ message }) => `; ${message}`).join('')
  throw failureAt(
    'invalid-stack',
    lang.at,
    `lang: there is no template ${quote(name)}${suggestion(name, known)}; known are ${known.join(', ')}${notes}`
  )
}

async function* shelves(
  name: string,
  options: TemplateOptions,
  warnings: StackWarning[],
  signal: AbortSignal
): AsyncGenerator<Shelf> {
  const own: Shelf = {
    origin: 'repository',
    source: 'the repository itself',
    root: options.checkout,
    folder: 'template'
  }
  if (options.isOwnAllowed) yield own
  else if ((await namesOn(own)).includes(name)) {
    warnings.push({
      path: 'template',
      line: 1,
      column: 1,
      message: `template/${name} is not used: templates of one's own are switched off here`
    })
  }
  // A source that is listed under the very name comes before one that may hold it as well.
  const listed = [...options.stackTemplates].sort((a, b) => Number(b.name === name) - Number(a.name === name))
  for (const { source } of listed) {
    const parsed = parseSource(source, options.allowedSources)
    if (!isSourceAllowed(parsed, options.allowedSources)) {
      warnings.push({
        ...source.at,
        message: `configuration.templates: ${quote(source.value)} is not used: its address is not allowed here`
      })
      continue
    }
    yield await fetched('stack', parsed, options, signal)
  }
  for (const repository of options.platformRepositories) yield await fetched('platform', repository, options, signal)
}

async function fetched(
  origin: 'stack' | 'platform',
  { url, ref }: RepositorySource,
  { fetchTemplateRepository }: TemplateOptions,
  signal: AbortSignal
): Promise<Shelf> {
  const { path, commit } = await fetchTemplateRepository(url, ref, signal)
  return { origin, source: `${url} at ${commit}`, root: path, folder: 'template' }
}

async function namesOn({ root, folder }: Shelf): Promise<string[]> {
  const isThere = await stat(join(root, folder)).then(
    (stats) => stats.isDirectory(),
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT' || err.code === 'ENOTDIR' || err.code === 'ELOOP') return false
      throw err
    }
  )
  if (!isThere) return []
  const { path } = await confine(root, folder, { field: 'the template folder' })
  const entries = await readdir(path, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

async function openTemplate(
  { origin, source, root, folder }: Shelf,
  name: string
): Promise<Omit<Template, 'warnings'>> {
  const { path } = await confine(root, join(folder, name), { field: `template "${name}"` })
  const use = { field: `template "${name}"` }
  const text = await readOptional(path, 'template.yml', use)
  const manifest = parseManifest(text ?? '', name)
  if ((await readOptional(path, 'Dockerfile', use)) === null) {
    throw new Failure('invalid-stack', `template "${name}" of ${source} has no Dockerfile`)
  }
  return { lang: name, origin, source, path, builtIn: null, ...manifest }
}

async function readOptional(root: string, name: string, use: { field: string }): Promise<string | null> {
  const isThere = await stat(join(root, name)).then(
    () => true,
    (err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return false
      throw err
    }
  )
  return isThere ? (await readConfinedFile(root, name, manifestLimitBytes, use)).toString('utf8') : null
}

async function openBuiltIn(lang: string, builtIn: BuiltInName): Promise<Omit<Template, 'warnings'>> {
  const shelf: Shelf = { origin: 'built-in', source: 'built in', root: builtInFolder, folder: '.' }
  return { ...(await openTemplate(shelf, builtIn)), lang, builtIn }
}

/** The user's own Dockerfile: the handler's folder is the context. */
function dockerfileTemplate(): Template {
  return {
    lang: 'dockerfile',
    origin: 'dockerfile',
    source: "the function's own Dockerfile",
    path: null,
    builtIn: null,
    handlerFolder: '',
    fprocess: null,
    readyPath: null,
    buildOptions: new Map(),
    warnings: []
  }
}
