import { type FunctionSpec, type StackWarning, suggestion } from '@slipway/domain'
import type { StackFunction } from '../stack/function.ts'
import { failureAt, quote } from '../stack/location.ts'

export type BuiltInName = 'node' | 'python' | 'static'
/** Base images that the built-in templates stand on; `static` is served by Node.js. */
export type BaseImageName = 'node' | 'python'

/** What a function's image is made with. */
export interface Template {
  /** `lang` as it was asked for, `node18` for example. */
  lang: string
  origin: 'repository' | 'stack' | 'platform' | 'built-in' | 'dockerfile'
  /** For the build's log: where it came from, and which commit of it. */
  source: string
  /** Its folder; null for `dockerfile`, where the handler's own folder is the whole context. */
  path: string | null
  builtIn: BuiltInName | null
  /** Where the handler goes, within the context. */
  handlerFolder: string
  fprocess: string | null
  /** The path on which its functions say that they are ready; null: OpenFaaS's default. */
  readyPath: string | null
  /** Packages by name of the build option that stands for them. */
  buildOptions: ReadonlyMap<string, readonly string[]>
  warnings: StackWarning[]
}

export function baseImageOf(template: Template): BaseImageName | null {
  if (template.builtIn === null) return null
  return template.builtIn === 'python' ? 'python' : 'node'
}

/** A function's configuration, with what its template adds where the stack says nothing. */
export function specWithTemplate({ spec }: StackFunction, template: Template): FunctionSpec {
  const isPathGiven = spec.readiness.pathSource !== 'the default'
  const readiness =
    isPathGiven || template.readyPath === null
      ? spec.readiness
      : { ...spec.readiness, path: template.readyPath, pathSource: `the template "${template.lang}"` }
  return { ...spec, readiness, fprocess: spec.fprocess ?? template.fprocess }
}

/**
 * Build arguments of a function: its own (already admitted), and the packages of its build options.
 *
 * @throws Failure `invalid-stack` for an option that the template does not have.
 */
export function buildArgumentsOf(fn: StackFunction, template: Template): Record<string, string> {
  if (fn.build === null) return {}
  const packages: string[] = []
  for (const { value, at } of fn.build.options) {
    const option = template.buildOptions.get(value)
    if (option === undefined) {
      const known = [...template.buildOptions.keys()]
      const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
      throw failureAt(
        'invalid-stack',
        at,
        `build option ${quote(value)} is not in the template "${template.lang}"${suggestion(value, known)}: ${list}`
      )
    }
    packages.push(...option)
  }
  if (packages.length === 0) return fn.build.arguments
  const given = fn.build.arguments.ADDITIONAL_PACKAGE
  const all = given === undefined ? packages : [...packages, given]
  return { ...fn.build.arguments, ADDITIONAL_PACKAGE: [...new Set(all.join(' ').split(/\s+/))].join(' ').trim() }
}
