import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Every workspace of the repository: where it is and what its package.json says. */
export function workspaces(root) {
  const patterns = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).workspaces
  return patterns
    .flatMap((pattern) => directoriesOf(root, pattern))
    .flatMap((directory) => {
      const file = join(directory, 'package.json')
      if (!existsSync(file)) return []
      const manifest = JSON.parse(readFileSync(file, 'utf8'))
      return [{ name: manifest.name, directory, path: relative(root, directory), manifest }]
    })
}

function directoriesOf(root, pattern) {
  if (!pattern.endsWith('/*')) return [join(root, pattern)]
  const parent = join(root, pattern.slice(0, -2))
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .sort()
    .map((name) => join(parent, name))
    .filter((path) => statSync(path).isDirectory())
}

/** The files of a workspace, without what is installed or generated in it. A folder with a package.json of its own is no part of it. */
export function* filesOf(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || ['node_modules', 'dist', 'fixtures', 'templates'].includes(entry.name)) continue
    const path = join(directory, entry.name)
    if (entry.isDirectory()) {
      if (!existsSync(join(path, 'package.json'))) yield* filesOf(path)
    } else if (entry.isFile()) yield path
  }
}
