import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Failure, type StackWarning } from '@slipway/domain'
import type { StackFunction } from '../stack/function.ts'
import { failureAt, type Located } from '../stack/location.ts'
import { renderDockerfile, withSecretMounts } from '../template/dockerfile.ts'
import { type HandlerFiles, wordsFor } from '../template/function-facts.ts'
import { type BaseImageName, baseImageOf, buildArgumentsOf, type Template } from '../template/template.ts'
import { layOut } from './layout.ts'
import { type PackedEntry, packContext } from './pack.ts'
import {
  type ContextEntry,
  type ContextFile,
  type ContextLimits,
  contentOf,
  createBudget,
  defaultContextLimits
} from './scan.ts'
import { scopeSecretMounts } from './secret-mounts.ts'
import { withoutSyntaxDirective } from './syntax.ts'

/** An image that built-in templates stand on. */
export interface BaseImage {
  /** What `FROM` names. */
  reference: string
  /** The image's id or digest: another one is another content. */
  id: string
}

export interface ContextOptions {
  checkout: string
  fn: StackFunction
  template: Template
  /** `configuration.copy` of the stack. */
  copy: readonly Located<string>[]
  baseImages: Partial<Record<BaseImageName, BaseImage>>
  /** The engine's platform, `linux/amd64`. */
  platform: string
  /** The ids that build secrets are served under, by those that the Dockerfile names: another version is another content. */
  secretMounts?: ReadonlyMap<string, string>
  limits?: ContextLimits
  signal: AbortSignal
}

export interface PreparedContext {
  /** 40 hexadecimal digits: the same sources give the same on every machine. */
  contentKey: string
  buildArgs: Record<string, string>
  /** Path of the Dockerfile in the context. */
  dockerfile: string
  /** The context, a new stream at each call. It ends in an error when a file is no longer what the key was made from. */
  tar(): Readable
  /** What the function itself and its copied folders hold. */
  handlerBytes: number
  files: number
  warnings: StackWarning[]
}

/** Changes whenever the same files would make another image. */
const formatVersion = 1
const dockerfileLimitBytes = 1024 ** 2

/**
 * Puts a function's build context together and gives it its content key.
 *
 * @throws Failure `unsafe-path`, `limit-exceeded`, `invalid-stack`, `build-failed`, `unsupported`; `invalid-configuration` without a base image.
 */
export async function prepareContext(options: ContextOptions): Promise<PreparedContext> {
  const { checkout, fn, template, copy, baseImages, platform, secretMounts = new Map(), signal } = options
  if (fn.build === null)
    throw new Failure('invalid-request', `functions.${fn.name} has skip_build: there is nothing to build`)
  const budget = createBudget(options.limits ?? defaultContextLimits)
  const { entries, handlerBytes } = await layOut({
    checkout,
    functionName: fn.name,
    handler: fn.build.handler,
    templatePath: template.path,
    templateName: template.lang,
    handlerFolder: template.handlerFolder,
    copy,
    budget,
    signal
  })
  const warnings = await settleDockerfile(entries, fn, template, secretMounts)
  if (template.builtIn !== null && fn.spec.fprocess !== null) {
    const message = `functions.${fn.name}.fprocess is not used: the template "${template.lang}" starts its own process, without a watchdog`
    warnings.push({ ...fn.at, message })
  }
  const base = baseOf(template, baseImages)
  const buildArgs = { ...buildArgumentsOf(fn, template), ...(base === null ? {} : { BASE_IMAGE: base.reference }) }

  const packed: PackedEntry[] = []
  for (const [path, entry] of [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    signal.throwIfAborted()
    packed.push(entry.kind === 'link' ? { path, ...entry } : { path, ...entry, sha256: await hashOf(entry) })
  }
  return {
    // The reference of a base image may name this installation's registry: its id says what it is.
    contentKey: contentKeyOf(packed, { ...buildArgs, BASE_IMAGE: base?.id ?? '' }, platform, secretMounts),
    buildArgs,
    dockerfile: 'Dockerfile',
    tar: () => packContext(packed),
    handlerBytes,
    files: entries.size,
    warnings
  }
}

function baseOf(template: Template, images: ContextOptions['baseImages']): BaseImage | null {
  const name = baseImageOf(template)
  if (name === null) return null
  const image = images[name]
  if (image === undefined) {
    throw new Failure(
      'invalid-configuration',
      `no base image for the template "${template.lang}" is configured: "slipway doctor" says how to get one`
    )
  }
  return image
}

/** Renders a built-in template's Dockerfile for the function; takes the choice of a frontend out of any other. */
async function settleDockerfile(
  entries: Map<string, ContextEntry>,
  fn: StackFunction,
  template: Template,
  secretMounts: ReadonlyMap<string, string>
): Promise<StackWarning[]> {
  const at = fn.build?.handler.at ?? fn.at
  const dockerfile = entries.get('Dockerfile')
  if (dockerfile?.kind !== 'file' || dockerfile.size > dockerfileLimitBytes) {
    const why = dockerfile === undefined ? 'there is none' : 'it has to be a regular file of at most 1 MiB'
    throw failureAt(
      'invalid-stack',
      at,
      `functions.${fn.name}: no Dockerfile to build: ${why} in ${template.path === null ? "the handler's folder" : template.source}`
    )
  }
  const text = (await bytesOf(dockerfile)).toString('utf8')
  if (template.builtIn !== null) {
    const words = await wordsFor(template.builtIn, template.lang, handlerFiles(entries, template.handlerFolder))
    const rendered = withSecretMounts(renderDockerfile(text, words), [...secretMounts.keys()])
    entries.set('Dockerfile', generated(scopeSecretMounts(rendered, secretMounts)))
    return []
  }
  const settled = withoutSyntaxDirective(text)
  const scoped = scopeSecretMounts(settled.text, secretMounts)
  if (scoped !== text) entries.set('Dockerfile', generated(scoped))
  if (!settled.isRemoved) return []
  return [
    {
      ...at,
      message: `functions.${fn.name}: "# syntax" of the Dockerfile is not used: the engine reads the file itself`
    }
  ]
}

function generated(text: string): ContextFile {
  const bytes = Buffer.from(text)
  return { kind: 'file', content: { bytes }, size: bytes.length, isExecutable: false }
}

function handlerFiles(entries: ReadonlyMap<string, ContextEntry>, folder: string): HandlerFiles {
  const find = (path: string) => entries.get(`${folder}/${path}`)
  return {
    has: (path) => find(path) !== undefined,
    async read(path) {
      const entry = find(path)
      if (entry?.kind !== 'file') return null
      if (entry.size > dockerfileLimitBytes)
        throw new Failure('limit-exceeded', `${path} of the function is larger than 1 MiB`)
      return (await bytesOf(entry)).toString('utf8')
    }
  }
}

async function bytesOf(file: ContextFile): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(contentOf(file)))
}

async function hashOf(file: ContextFile): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of contentOf(file)) hash.update(piece)
  return hash.digest('hex')
}

function contentKeyOf(
  entries: readonly PackedEntry[],
  buildArgs: Record<string, string>,
  platform: string,
  secretMounts: ReadonlyMap<string, string>
): string {
  const hash = createHash('sha256')
  const add = (...parts: (string | number | boolean)[]) => hash.update(`${JSON.stringify(parts)}\n`)
  add('slipway context', formatVersion, platform)
  for (const name of Object.keys(buildArgs).sort()) add('argument', name, buildArgs[name] ?? '')
  for (const id of [...secretMounts.keys()].sort()) add('secret', id, secretMounts.get(id) ?? '')
  for (const entry of entries) {
    if (entry.kind === 'link') add('link', entry.path, entry.target)
    else add('file', entry.path, entry.isExecutable, entry.size, entry.sha256)
  }
  return hash.digest('hex').slice(0, 40)
}
