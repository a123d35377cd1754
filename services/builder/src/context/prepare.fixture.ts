import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { extract } from 'tar-stream'
import { defaultPolicy } from '../stack/policy.ts'
import { readStack } from '../stack/read.ts'
import { resolveTemplate, type TemplateOptions } from '../template/resolve.ts'
import { type Planted, plant } from './checkout.fixture.ts'
import { type ContextOptions, type PreparedContext, prepareContext } from './prepare.ts'

export const noSources: Omit<TemplateOptions, 'checkout' | 'stackTemplates'> = {
  isOwnAllowed: false,
  allowedSources: [],
  platformRepositories: [],
  fetchTemplateRepository: () => Promise.reject(new Error('nothing is fetched here'))
}

/** The context of the only function of a checkout with these files. */
export async function prepareIn(
  checkout: string,
  options: Partial<ContextOptions> & { templates?: Partial<TemplateOptions> } = {}
): Promise<PreparedContext> {
  const { signal } = new AbortController()
  const stack = await readStack(checkout, {
    stackPath: null,
    slug: 'acme',
    platform: 'linux/amd64',
    variables: {},
    policy: { ...defaultPolicy, isDockerfileAllowed: true }
  })
  const [fn] = stack.functions
  if (fn?.build === null || fn === undefined) throw new Error('the stack has no function to build')
  const sources = { ...noSources, ...options.templates, checkout, stackTemplates: stack.templates }
  return prepareContext({
    checkout,
    fn,
    template: await resolveTemplate(fn.build.lang, sources, signal),
    copy: stack.copy,
    baseImages: {
      node: { reference: 'registry/node:24', id: 'sha256:1' },
      python: { reference: 'registry/python:3', id: 'sha256:2' }
    },
    platform: 'linux/amd64',
    signal,
    ...options
  })
}

export function prepareWith(t: TestContext, files: Record<string, Planted>, options: Partial<ContextOptions> = {}) {
  return prepareIn(plant(t, files), options)
}

export interface Unpacked {
  content: string
  type: string
  mode: number
  linkname: string | null
}

/** What is in a context's tar, in its order. */
export async function unpack(context: PreparedContext): Promise<Map<string, Unpacked>> {
  const entries = new Map<string, Unpacked>()
  const archive = extract()
  context
    .tar()
    .on('error', (err) => archive.destroy(err))
    .pipe(archive)
  for await (const entry of archive) {
    const { name, type, mode, linkname, mtime, uid, gid } = entry.header
    if (mtime.getTime() !== 0 || uid !== 0 || gid !== 0) throw new Error(`${name} tells of this machine`)
    if (entries.has(name)) throw new Error(`${name} is there twice`)
    const pieces: Uint8Array[] = []
    for await (const piece of entry as AsyncIterable<Uint8Array>) pieces.push(piece)
    entries.set(name, {
      content: Buffer.concat(pieces).toString(),
      type,
      mode,
      linkname: type === 'symlink' ? linkname : null
    })
  }
  return entries
}

export async function tarBytes(context: PreparedContext): Promise<Buffer> {
  return buffer(context.tar())
}

/** A stack of one function in `fn`. */
export function stackOf(lang: string, more = ''): string {
  return `functions:\n  hello:\n    lang: ${lang}\n    handler: ./fn\n${more}`
}
