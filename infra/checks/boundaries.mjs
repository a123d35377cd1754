/**
 * Imports go one way: domain <- packages <- services <- infra and test. This reads every package.json and every import statement
 * and refuses what goes another way, with the file and line.
 *
 *   node infra/checks/boundaries.mjs [root]
 */
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesOf, workspaces } from '../bootstrap/workspaces.mjs'

/** The only workspaces that may know a library whose types and errors must not spread. */
const homes = [
  { libraries: /^@octokit\//, homes: ['packages/forge', 'infra/local-forge', 'test'] },
  { libraries: /^@gitbeaker\//, homes: ['packages/forge'] },
  {
    libraries: /^dockerode$/,
    homes: ['packages/cluster', 'packages/testing', 'packages/machine', 'services/builder', 'test']
  },
  { libraries: /^@kubernetes\//, homes: ['packages/cluster', 'test'] },
  { libraries: /^(bullmq|ioredis)$/, homes: ['packages/queue'] },
  { libraries: /^(kysely|pg|node:sqlite)$/, homes: ['packages/store', 'test'] },
  { libraries: /^simple-git$/, homes: ['services/builder'] },
  { libraries: /^@peculiar\//, homes: ['packages/secrets', 'test'] },
  {
    libraries: /^(fastify|@fastify\/.*)$/,
    homes: [
      'packages/service',
      'services/receiver',
      'services/deployer',
      'services/api',
      'services/gateway',
      'infra/local-forge'
    ]
  }
]

/** Packages that packages may use besides domain, in tests alone. */
const testTools = ['packages/testing', 'packages/machine']
const testFile = /\.(test|contract|fixture)\.(ts|tsx|mjs)$|[/\\]src[/\\]contract[/\\]/
/** They run before anything is installed, so they find each other by path. */
const bareScripts = ['infra/bootstrap', 'infra/checks']
const sourceFile = /\.(ts|tsx|mts|mjs|js)$/
const builtins = new Set(builtinModules)

/** One line for each violation. */
export function findViolations(root) {
  const all = workspaces(root)
  const byName = new Map(all.map((workspace) => [workspace.name, workspace]))
  return all.flatMap((workspace) => [
    ...checkManifest(workspace, byName),
    ...[...filesOf(workspace.directory)]
      .filter((file) => sourceFile.test(file))
      .flatMap((file) => checkFile(root, workspace, file, byName))
  ])
}

function checkManifest(workspace, byName) {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = workspace.manifest
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).flatMap((name) => {
    const reason = refusal(workspace, name, byName, false)
    return reason === null ? [] : [`${workspace.path}/package.json: dependency ${name}: ${reason}`]
  })
}

function checkFile(root, workspace, file, byName) {
  const text = readFileSync(file, 'utf8')
  const isTest = testFile.test(file) || layerOf(workspace) === 'test'
  const place = (index) => `${relative(root, file)}:${text.slice(0, index).split('\n').length}`
  const imports = importsOf(text).flatMap(({ specifier, index, isType }) => {
    const reason = refuseImport(root, workspace, file, { specifier, isType, isTest }, byName)
    return reason === null ? [] : [`${place(index)}: import of ${specifier}: ${reason}`]
  })
  return [
    ...imports,
    ...environmentOf(workspace, file, text, isTest).map((index) => `${place(index)}: process.env: ${environmentRule}`)
  ]
}

/**
 * What could hide an import or look like one, from left to right: comments, templates, imports (static, for their effect, dynamic,
 * passed on), other strings. An import inside of a string or a comment is therefore none.
 */
const tokens =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\.|[^\\`])*`|\b(?:from|import|import\s*\(|require\s*\()\s*(['"])([^'"\n]+)\1|(['"])(?:\\.|(?!\3)[^\\\n])*\3/g

export function importsOf(text) {
  return [...text.matchAll(tokens)]
    .filter((match) => match[2] !== undefined)
    .map((match) => ({
      specifier: match[2],
      index: match.index + match[0].length - 1,
      isType: isTypeImport(text, match.index)
    }))
}

/** `import type … from` and `export type … from`, whose keyword may stand some lines before the name. */
function isTypeImport(text, index) {
  const keywords = text.slice(0, index).match(/^[ \t]*(?:import|export)\b(?:\s+type\b)?/gm)
  return keywords?.at(-1)?.endsWith('type') === true
}

function withoutComments(text) {
  return text.replaceAll(tokens, (found) => (/^(\/|`)/.test(found) ? found.replaceAll(/[^\n]/g, ' ') : found))
}

function refuseImport(root, workspace, file, { specifier, isType, isTest }, byName) {
  if (specifier.startsWith('.')) return refusePath(root, workspace, resolve(dirname(file), specifier))
  if (specifier.startsWith('/')) return 'an absolute path'
  const name = packageOf(specifier)
  const isBuiltin = specifier.startsWith('node:') || builtins.has(name)
  const undeclared = isBuiltin || name === workspace.name ? null : refuseUndeclared(workspace, name, isType || isTest)
  return undeclared ?? refusal(workspace, name, byName, isTest)
}

function refusePath(root, workspace, target) {
  const allowed = bareScripts.includes(workspace.path)
    ? bareScripts.map((path) => join(root, path))
    : [workspace.directory]
  return allowed.some((directory) => target.startsWith(directory + sep))
    ? null
    : 'a relative path leaves its workspace: import the package by its name'
}

/** Types vanish when the code runs, and tests run with everything installed: a devDependency is enough for both. */
function refuseUndeclared({ manifest }, name, isForDevelopment) {
  const { dependencies = {}, devDependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest
  if (name in dependencies || name in optionalDependencies || name in peerDependencies) return null
  if (!(name in devDependencies) && !(`@types/${name}` in devDependencies)) return 'not in its package.json'
  return isForDevelopment ? null : 'only a devDependency, which tests and types alone may come from'
}

/** Why a workspace may not use a package or library, or null. */
function refusal(workspace, name, byName, isTest) {
  const home = homes.find(({ libraries }) => libraries.test(name))
  if (home !== undefined && !home.homes.includes(workspace.path)) return `only ${home.homes.join(', ')} may use it`
  const target = byName.get(name)
  return target === undefined || target === workspace ? null : refuseDirection(workspace, target, isTest)
}

function refuseDirection(from, to, isTest) {
  const [layer, targetLayer] = [layerOf(from), layerOf(to)]
  if (layer === 'infra' || layer === 'test') return null
  if (targetLayer === 'infra' || targetLayer === 'test') return `${targetLayer} is above ${layer}`
  if (layer === 'domain') return 'domain imports no other workspace'
  if (layer === 'packages') {
    if (targetLayer === 'domain') return null
    if (testTools.includes(to.path) && (isTest || testTools.includes(from.path))) return null
    return targetLayer === 'services' ? 'services are above packages' : 'a package imports domain alone'
  }
  if (targetLayer === 'services') return from.path === 'services/cli' ? null : 'services do not import each other'
  if (to.path === 'packages/testing' && !isTest) return 'testing is for tests'
  if (to.path === 'packages/machine' && !isTest && from.path !== 'services/cli')
    return 'machine is for cli, infra and tests'
  return null
}

function layerOf({ path }) {
  if (path === 'packages/domain') return 'domain'
  return path.split('/')[0]
}

function packageOf(specifier) {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

const environmentRule = 'settings are read in main.ts or config.ts and passed on'

/** The bootstrap is an entry of its own, and tests may look. */
function environmentOf(workspace, file, text, isTest) {
  if (isTest || bareScripts.includes(workspace.path) || /[/\\](main|config)\.(ts|mjs)$/.test(file)) return []
  return [...withoutComments(text).matchAll(/\bprocess\s*\.\s*env\b|\bprocess\s*\[\s*['"]env['"]\s*\]/g)].map(
    (match) => match.index
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', '..'))
  const violations = findViolations(root)
  for (const violation of violations) console.error(violation)
  process.exitCode = violations.length === 0 ? 0 : 1
}
