import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { clusterNameOf, Failure } from '@slipway/domain'
import { type Document, isMap, parseDocument } from 'yaml'

const files: Record<string, (name: string) => Record<string, string>> = {
  node: (name) => ({
    'handler.js': `module.exports = async (event, context) =>
  context.status(200).succeed({ hello: event.query.name ?? 'world' })
`,
    'handler.test.js': `const assert = require('node:assert/strict')
const { test } = require('node:test')
const handler = require('./handler.js')

/** What the template gives a handler, as far as this one uses it. */
function call (event) {
  const answer = { code: 200, status (code) { this.code = code; return this }, succeed (body) { this.body = body } }
  return handler({ query: {}, ...event }, answer).then(() => answer)
}

test('it greets whoever is named, or the world', async () => {
  assert.deepEqual((await call({})).body, { hello: 'world' })
  assert.deepEqual((await call({ query: { name: 'you' } })).body, { hello: 'you' })
})
`,
    'package.json': `${JSON.stringify({ name, private: true, scripts: { test: 'node --test' } }, null, 2)}\n`
  }),
  python: () => ({
    'handler.py': `def handle(event, context):
    return {"statusCode": 200, "body": {"hello": event.query.get("name", "world")}}
`,
    'test_handler.py': `import unittest
from types import SimpleNamespace

from handler import handle


class HandlerTest(unittest.TestCase):
    def test_greets_whoever_is_named_or_the_world(self):
        self.assertEqual(handle(SimpleNamespace(query={}), None)["body"], {"hello": "world"})
        self.assertEqual(handle(SimpleNamespace(query={"name": "you"}), None)["body"], {"hello": "you"})


if __name__ == "__main__":
    unittest.main()
`
  }),
  static: (name) => ({
    'index.html': `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${name}</title>\n<h1>Hello from ${name}</h1>\n`
  })
}

const tests: Record<string, string> = {
  node: 'npm test --prefix NAME',
  python: 'cd NAME && python3 -m unittest'
}

/**
 * Makes a function's folder and its entry in `stack.yml`. Returns what to say.
 *
 * @throws Failure `conflict` when something of that name is there; `invalid-request`; `invalid-stack`
 */
export async function initFunction(directory: string, name: string, lang: string): Promise<string[]> {
  const make = files[lang]
  if (make === undefined) {
    throw new Failure(
      'invalid-request',
      `there is no built-in template "${lang}": take ${Object.keys(files).join(', ')}`
    )
  }
  try {
    clusterNameOf('owner', name)
  } catch (err) {
    throw err instanceof Failure ? new Failure('invalid-request', err.message, { cause: err }) : err
  }
  const { path, document } = await stackOf(directory)
  if (document.hasIn(['functions', name])) throw new Failure('conflict', `${path} has a function "${name}" already`)
  if (await stat(join(directory, name)).catch(() => null)) {
    throw new Failure('conflict', `there is a folder ${name} already: choose another name, or remove it`)
  }
  for (const [file, text] of Object.entries(make(name))) {
    const target = join(directory, name, file)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text, { flag: 'wx' })
  }
  document.setIn(['functions', name], document.createNode({ lang, handler: `./${name}` }))
  await writeFile(join(directory, path), document.toString({ lineWidth: 0 }))
  const test = tests[lang]
  return [
    `made ${name}/ and its entry in ${path}`,
    ...(test === undefined ? [] : [`try it:    ${test.replaceAll('NAME', name)}`]),
    'deploy it: slipway deploy   (or commit and push)'
  ]
}

async function stackOf(directory: string): Promise<{ path: string; document: Document }> {
  for (const path of ['stack.yml', 'stack.yaml']) {
    const text = await readFile(join(directory, path), 'utf8').catch((err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return null
      throw err
    })
    if (text === null) continue
    const document = parseDocument(text)
    const functions = document.get('functions')
    if (document.errors.length > 0 || !isMap(document.contents) || (functions != null && !isMap(functions))) {
      throw new Failure(
        'invalid-stack',
        `${path} cannot be added to: ${document.errors[0]?.message ?? 'it is no stack'}`
      )
    }
    if (functions === null) document.delete('functions')
    return { path, document }
  }
  return { path: 'stack.yml', document: parseDocument('version: 1.0\nprovider:\n  name: openfaas\n') }
}
