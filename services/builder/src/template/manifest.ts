import { Failure } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { parse, YAMLError } from 'yaml'

/** The fields of `template.yml` that are used. Templates are written for other tools too: what is unknown is left alone. */
const Manifest = Type.Object({
  fprocess: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  handler_folder: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Slipway's own: the path on which functions of this template say that they are ready. */
  ready_path: Type.Optional(Type.Union([Type.String({ pattern: '^/[!-~]*$' }), Type.Null()])),
  build_options: Type.Optional(
    Type.Union([Type.Array(Type.Object({ name: Type.String(), packages: Type.Array(Type.String()) })), Type.Null()])
  )
})
type Manifest = Static<typeof Manifest>

export interface TemplateManifest {
  handlerFolder: string
  fprocess: string | null
  readyPath: string | null
  buildOptions: Map<string, string[]>
}

/** @throws Failure `invalid-stack` naming the template. */
export function parseManifest(text: string, name: string): TemplateManifest {
  const manifest = readManifest(text, name)
  const handlerFolder = (manifest.handler_folder ?? 'function').replace(/^\.\//, '').replace(/\/+$/, '')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(handlerFolder)) {
    throw new Failure(
      'unsafe-path',
      `template "${name}": handler_folder ${JSON.stringify(handlerFolder)} is not a folder within the template`
    )
  }
  return {
    handlerFolder,
    fprocess: manifest.fprocess?.trim() || null,
    readyPath: manifest.ready_path ?? null,
    buildOptions: new Map((manifest.build_options ?? []).map((option) => [option.name, option.packages]))
  }
}

function readManifest(text: string, name: string): Manifest {
  let content: unknown
  try {
    content = parse(text, { schema: 'failsafe', maxAliasCount: 10, logLevel: 'error' }) ?? {}
  } catch (err) {
    if (!(err instanceof YAMLError || err instanceof ReferenceError)) throw err
    throw new Failure(
      'invalid-stack',
      `template "${name}": template.yml cannot be read: ${err.message.split('\n', 1)[0]}`,
      { cause: err }
    )
  }
  if (Value.Check(Manifest, content)) return content
  const [first] = Value.Errors(Manifest, content)
  throw new Failure(
    'invalid-stack',
    `template "${name}": template.yml: ${first?.instancePath.slice(1) || 'the file'} ${first?.message ?? ''}`
  )
}
