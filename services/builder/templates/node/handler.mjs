// Finds the function's handler: CommonJS or an ES module, as its package.json says.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const names = ['handler.js', 'handler.mjs', 'handler.cjs', 'handler/index.js', 'handler/index.mjs', 'handler/index.cjs']

/** @returns the function that answers requests */
export async function loadHandler(folder) {
  const root = fileURLToPath(folder)
  const file = names.find((name) => existsSync(join(root, name))) ?? mainOf(root)
  if (file === null) throw new Error('no handler found: expected handler.js with module.exports = async (event, context) => …')
  const loaded = await import(pathToFileURL(join(root, file)).href)
  const handler = [loaded.default, loaded.default?.default, loaded.handler, loaded.default?.handler].find(
    (candidate) => typeof candidate === 'function'
  )
  if (handler === undefined) {
    throw new Error(`${file} exports no function: expected module.exports = async (event, context) => … or export default`)
  }
  return handler
}

function mainOf(root) {
  const path = join(root, 'package.json')
  if (!existsSync(path)) return null
  const { main } = JSON.parse(readFileSync(path, 'utf8'))
  return typeof main === 'string' && existsSync(join(root, main)) ? main : null
}
