import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * What the bootstrap remembers, all in the state directory:
 * `installed-packages` one package of the operating system a line, written before it is installed;
 * `bases.json` the base images of the built-in templates;
 * `installations` one installation id a line, of everything that ever made Docker objects from this directory;
 * `docker/` pid and log of a Docker engine that was started by hand.
 */
export function stateDirectory({ root, env }) {
  const home = resolve(root, env.SLIPWAY_HOME || '.slipway')
  const file = (name) => join(home, name)
  const lines = (name) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').filter(Boolean) : [])
  return {
    home,
    file,
    lines,
    addLines(name, added) {
      const known = new Set(lines(name))
      const fresh = added.filter((line) => !known.has(line))
      if (fresh.length === 0) return
      makeDirectory(home)
      appendFileSync(file(name), `${fresh.join('\n')}\n`)
    },
    readJson(name) {
      return existsSync(file(name)) ? JSON.parse(readFileSync(file(name), 'utf8')) : null
    },
    writeJson(name, value) {
      makeDirectory(dirname(file(name)))
      writeFileSync(`${file(name)}.new`, `${JSON.stringify(value, null, 2)}\n`)
      renameSync(`${file(name)}.new`, file(name))
    }
  }
}

/** Tokens, secrets of webhooks and logs of private builds come to be in it: for this user alone. */
export function makeDirectory(path) {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}
