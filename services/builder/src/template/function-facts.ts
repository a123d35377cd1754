import { Failure } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import type { BuiltInName } from './template.ts'

/** The files of a function as they go into its image, by path within the handler's folder. */
export interface HandlerFiles {
  has(path: string): boolean
  /** null when there is no such file. */
  read(path: string): Promise<string | null>
}

const Versions = Type.Optional(Type.Record(Type.String(), Type.String()))
const PackageJson = Type.Object({
  dependencies: Versions,
  devDependencies: Versions,
  optionalDependencies: Versions,
  peerDependencies: Versions,
  scripts: Type.Optional(Type.Record(Type.String(), Type.String())),
  workspaces: Type.Optional(Type.Unknown())
})
type PackageJson = Static<typeof PackageJson>

/** The words that hold for a function in its built-in template's Dockerfile. @throws Failure `build-failed` for a package.json that cannot be read */
export async function wordsFor(builtIn: BuiltInName, lang: string, files: HandlerFiles): Promise<Set<string>> {
  switch (builtIn) {
    case 'node':
      return nodeWords(lang, files)
    case 'python': {
      const requirements = await files.read('requirements.txt')
      const isAny = requirements?.split('\n').some((line) => /^\s*[^#\s]/.test(line)) ?? false
      return new Set(isAny ? ['requirements'] : [])
    }
    case 'static':
      return new Set()
  }
}

async function nodeWords(lang: string, files: HandlerFiles): Promise<Set<string>> {
  const words = new Set<string>()
  if (lang === 'node18' || lang === 'node20') words.add('express4')
  const manifest = await readPackageJson(files)
  if (manifest === null) return words
  const hasTest = isRealTest(manifest.scripts?.test)
  const wanted = [
    manifest.dependencies,
    manifest.optionalDependencies,
    manifest.peerDependencies,
    hasTest ? manifest.devDependencies : {}
  ]
  const versions = wanted.flatMap((group) => Object.values(group ?? {}))
  if (hasTest) words.add('test')
  if (versions.length > 0) {
    words.add('dependencies')
    if (files.has('package-lock.json') || files.has('npm-shrinkwrap.json')) words.add('locked')
    if (needsSources(manifest, versions)) words.add('sources')
  }
  return words
}

async function readPackageJson(files: HandlerFiles): Promise<PackageJson | null> {
  const text = await files.read('package.json')
  if (text === null) return null
  let content: unknown
  try {
    content = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (err) {
    throw new Failure(
      'build-failed',
      `package.json of the function is not JSON: ${err instanceof Error ? err.message : ''}`,
      { cause: err }
    )
  }
  if (Value.Check(PackageJson, content)) return content
  const [first] = Value.Errors(PackageJson, content)
  throw new Failure(
    'build-failed',
    `package.json of the function: ${first?.instancePath.slice(1) || 'the file'} ${first?.message ?? ''}`
  )
}

/** The scripts that `npm init` and OpenFaaS's templates write are no tests. */
function isRealTest(script: string | undefined): boolean {
  return (
    script !== undefined &&
    script.trim() !== '' &&
    !/^echo\s+\\?["']?(?:Error: )?no tests? specified/i.test(script.trim())
  )
}

/** Local dependencies and install scripts read files of the function, which have to be there first. */
function needsSources(manifest: PackageJson, versions: string[]): boolean {
  const scripts = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']
  return (
    manifest.workspaces !== undefined ||
    scripts.some((name) => manifest.scripts?.[name] !== undefined) ||
    versions.some((version) => /^(?:file:|link:|\.{0,2}\/)/.test(version))
  )
}
