import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run, Stop } from './processes.mjs'
import { filesOf } from './workspaces.mjs'

/** What the page is made of: its own sources, the contract whose paths are built in, and the versions of its libraries. */
function sourcesOf(root) {
  return [
    ...filesOf(join(root, 'services', 'dashboard')),
    ...filesOf(join(root, 'packages', 'client', 'src')),
    join(root, 'package-lock.json')
  ]
}

export function hashOf(root) {
  const hash = createHash('sha256')
  for (const file of sourcesOf(root)) {
    const content = readFileSync(file)
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Builds the web page unless what is built was made of what is there now. */
export async function ensureDashboard({ root, env, node, say }) {
  const directory = join(root, 'services', 'dashboard')
  const built = join(directory, 'dist', 'built-of')
  const wanted = hashOf(root)
  if (existsSync(built) && readFileSync(built, 'utf8') === wanted) return
  const start = performance.now()
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const { code, output } = await run(node, [vite, 'build', '--configLoader', 'native'], { cwd: directory, env })
  if (code !== 0) throw new Stop(`the web page could not be built:\n${output.trim()}`)
  writeFileSync(built, wanted)
  say(`built the web page in ${((performance.now() - start) / 1000).toFixed(1)} s`)
}
