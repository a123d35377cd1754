import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ensureImage } from './base-images.mjs'
import { ensureDocker, findProcess, usualDockerSockets } from './docker.mjs'
import { findProgram, run, serverDirectories } from './processes.mjs'
import { stateDirectory } from './state.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const unknown = 'localhost:1/no/such-image:1'

test('where the usual image cannot be pulled one is made of this machine, works without network, and is made once', async (t) => {
  // An address of its own gives the image a name of its own: the one that is in use is not touched.
  const registry = `http://registry-${process.pid}.test/`
  const { context, said } = await createContext(t, { BASE_NODE: unknown, npm_config_registry: registry })
  const { BASE_NODE: image } = await ensureImage('node', context)
  t.after(() => context.engine.removeImage(image))
  assert.match(image, /^slipway\/base-node:[0-9a-f]{12}$/)
  assert.deepEqual(context.state.readJson('bases.json'), { node: image })
  assert.deepEqual(context.state.lines('made-images'), [image])
  assert.ok(said.some((line) => line.includes("this machine's own parts")))

  const works = async (script) =>
    assert.equal(await context.engine.tryOut(image, ['/bin/sh', '-c', script], {}), 0, script)
  await works('[ "$(id -u app)" = 10001 ] && [ "$(stat -c %u /home/app)" = 10001 ] && [ "$(stat -c %a /tmp)" = 1777 ]')
  await works(`[ "$(npm config get registry)" = ${registry} ]`)
  await works('mkdir /tmp/x && cd /tmp/x && npm init --yes && npm pkg set scripts.test="node --test" && npm test')
  await works(
    'cd /tmp && tar -cz /etc/passwd | tar -xz && grep -q app etc/passwd && find . | xargs ls | sed p | awk "{ print }"'
  )
  if (existsSync('/etc/ssl/certs/ca-certificates.crt'))
    await works('[ -s "$NODE_EXTRA_CA_CERTS" ] && [ -s "$SSL_CERT_FILE" ]')

  said.length = 0
  assert.deepEqual(await ensureImage('node', context), { BASE_NODE: image })
  assert.ok(!said.some((line) => line.includes('making')))
})

test('a base image for Python is made of the Python of the operating system, with pip', async (t) => {
  const { context } = await createContext(t, {
    BASE_PYTHON: unknown,
    PIP_INDEX_URL: `http://index-${process.pid}.test/`
  })
  const { BASE_PYTHON: image } = await ensureImage('python', context)
  t.after(() => context.engine.removeImage(image))
  const works = async (script) =>
    assert.equal(await context.engine.tryOut(image, ['/bin/sh', '-c', script], {}), 0, script)
  await works('python3 -c "import ssl, sqlite3, ctypes, zlib, lzma, json, decimal, asyncio, email, http.server"')
  await works('python --version && pip3 --version && [ -w /tmp ]')
  await works(`pip config list | grep -q "index-url='http://index-${process.pid}.test/'"`)
})

test('a secret in the address of a registry does not get into the image', async (t) => {
  const env = { BASE_NODE: unknown, npm_config_registry: `http://someone:secret-${process.pid}@registry.test/` }
  const { context } = await createContext(t, env)
  const { BASE_NODE: image } = await ensureImage('node', context)
  if (context.state.lines('made-images').includes(image)) t.after(() => context.engine.removeImage(image))
  const command = ['/bin/sh', '-c', '! grep -rq secret- /usr/local/etc']
  assert.equal(await context.engine.tryOut(image, command, {}), 0)
})

test('an image that the engine has is taken as it is', async (t) => {
  const { context } = await createContext(t, {
    BASE_NODE: unknown,
    npm_config_registry: `http://own-${process.pid}.test/`
  })
  const { BASE_NODE: image } = await ensureImage('node', context)
  t.after(() => context.engine.removeImage(image))
  const { context: other, said } = await createContext(t, { BASE_NODE: image })
  assert.deepEqual(await ensureImage('node', other), { BASE_NODE: image })
  assert.deepEqual(said, [])
  assert.deepEqual(other.state.lines('made-images'), [])
})

async function createContext(t, added) {
  const home = mkdtempSync(join(tmpdir(), 'slipway-bases-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...process.env, ...added }
  const machine = {
    env,
    isRoot: false,
    hasSystemd: false,
    dockerSockets: usualDockerSockets(),
    find: (names) => findProgram(names, env.PATH, serverDirectories()),
    findProcess,
    run
  }
  const said = []
  const context = {
    machine,
    apt: null,
    state: stateDirectory({ root, env: { SLIPWAY_HOME: home } }),
    say: (line) => said.push(line),
    root
  }
  context.engine = await ensureDocker(context)
  return { context, said }
}
