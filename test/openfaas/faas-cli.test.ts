import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import { createOpenFaasScene, type OpenFaasScene } from '../system/openfaas-scene.ts'
import { createFaasCli, type FaasCli } from './faas-cli.fixture.ts'
import { writeTemplates } from './templates.fixture.ts'

/** What faas-cli sends is sent without it by the system tests. */
let scene: OpenFaasScene
let faas: FaasCli

before(async () => {
  scene = await createOpenFaasScene()
  faas = await createFaasCli(scene)
})
after(() => scene?.close())

const logIn = () => faas.done(['login', '-u', 'dave', '--password-stdin'], scene.token)

test('faas-cli signs in, deploys an image, calls it, reads its log, scales it and takes it away again', async () => {
  assert.notEqual((await faas.run(['login', '-u', 'dave', '--password-stdin'], 'wrong')).code, 0)
  assert.match(await logIn(), /credentials saved for dave/)
  assert.match(await faas.done(['version', '--warn-update=false']), /slipway/)
  assert.match(await faas.done(['ready']), /is ready/)
  assert.match(await faas.done(['namespaces']), /^Namespaces:\s+- dave\s*$/m)
  assert.match(await faas.done(['secret', 'create', 'api-key', '--from-literal', 'first']), /Created: 201/)
  assert.match((await faas.run(['secret', 'create', 'api-key', '--from-literal', 'again'])).output, /already exists/)
  assert.match(await faas.done(['secret', 'list']), /api-key/)

  const deploy = ['deploy', '--image', scene.image, '--name', 'copy', '--secret', 'api-key', '--label', 'topic=copies']
  assert.match(await faas.done([...deploy, '--env', 'COLOUR=blue']), /Deployed\. 202 Accepted\./)
  assert.match(await faas.done(['ready', 'copy', '--interval', '500ms', '--attempts', '60']), /Function copy is ready/)
  assert.match(await faas.done(['list']), /^copy\s+\d+\s+1\s*$/m)
  await scene.untilReady('copy', 'blue')
  assert.deepEqual(JSON.parse(await faas.done(['invoke', 'copy', '-n', 'dave'], 'words')), {
    said: 'words',
    colour: 'blue',
    secret: 'first'
  })
  const described = await faas.done(['describe', 'copy'])
  assert.match(described, /Status:\s+Ready/)
  assert.ok(described.includes(scene.image), described)
  assert.match(await faas.done(['logs', 'copy', '--tail=false']), /called with words/)

  assert.match(await faas.done(['secret', 'update', 'api-key', '--from-literal', 'second']), /Updated: 202/)
  await waitFor(async () => (await scene.said('copy')).secret === 'second', {
    timeoutMs: 20_000,
    what: 'the new secret'
  })
  assert.match(await faas.done([...deploy, '--env', 'COLOUR=red']), /202 Accepted/)
  await scene.untilReady('copy', 'red')
  assert.equal(
    (await scene.system('POST', '/system/scale-function/copy', { serviceName: 'copy', replicas: 2 })).status,
    202
  )
  assert.match(await faas.done(['list']), /^copy\s+\d+\s+2\s*$/m)

  assert.notEqual((await faas.run(['secret', 'remove', 'api-key'])).code, 0)
  await faas.done(['remove', 'copy'])
  await waitFor(async () => (await scene.said('copy')).status === 404, {
    timeoutMs: 10_000,
    what: 'the function to be gone'
  })
  assert.match((await faas.run(['describe', 'copy'])).output, /no such function: copy/i)
  await faas.done(['secret', 'remove', 'api-key'])
  await faas.done(['logout'])
  assert.notEqual((await faas.run(['list'])).code, 0)
})

test('faas-cli brings a stack file up and follows its log', async (t) => {
  await logIn()
  const file = join(faas.directory, 'stack.yaml')
  const stack = {
    version: '1.0',
    provider: { name: 'openfaas' },
    functions: { up: { skip_build: true, image: scene.image, environment: { COLOUR: 'green' } } }
  }
  await writeFile(file, JSON.stringify(stack))
  assert.match(await faas.done(['up', '-f', file, '--skip-push']), /202 Accepted/)
  await scene.untilReady('up', 'green')
  const follower = faas.start(['logs', 'up'])
  t.after(() => follower.kill())
  let seen = ''
  follower.stdout?.on('data', (part: Buffer) => {
    seen += part.toString()
  })
  const isHeard = async () => {
    await scene.said('up', 'before')
    return seen !== ''
  }
  await waitFor(isHeard, { timeoutMs: 20_000, everyMs: 500, what: 'the log' })
  await scene.said('up', 'while it is followed')
  await waitFor(() => seen.includes('called with while it is followed'), { timeoutMs: 10_000, what: 'the line' })
  await faas.done(['remove', '-f', file])
})

test('only an administrator makes namespaces, by faas-cli, and deploys into them', async () => {
  await logIn()
  assert.notEqual((await faas.run(['namespace', 'create', 'erin'])).code, 0)
  const all = (await readFile(join(scene.directory, 'home', 'admin-token'), 'utf8')).trim()
  await faas.done(['login', '-u', 'admin', '--password-stdin'], all)
  await faas.done(['namespace', 'create', 'erin'])
  assert.match(await faas.done(['namespace', 'get', 'erin']), /erin/)
  await faas.done(['namespace', 'update', 'erin'])
  assert.match(await faas.done(['namespaces']), /- dave[^]*- erin/)
  assert.match(await faas.done(['list', '-n', 'dave']), /hello/)
  assert.doesNotMatch(await faas.done(['list', '-n', 'erin']), /hello/)
  await faas.done(['namespace', 'remove', 'erin'])
  assert.doesNotMatch(await faas.done(['namespaces']), /erin/)
  assert.notEqual((await faas.run(['namespace', 'remove', 'dave'])).code, 0)
})

test('faas-cli leaves a call that nobody waits for', async () => {
  await logIn()
  assert.match(await faas.done(['invoke', 'hello', '-n', 'dave', '--async'], 'x'), /submitted asynchronously/)
})

test('faas-cli builds a function, pushes it, deploys it and, once its handler is another, its next version', async () => {
  await logIn()
  await writeTemplates(faas.directory, scene.installation.endpoints.installation)
  const handler = join(faas.directory, 'made')
  await mkdir(handler)
  const file = join(faas.directory, 'made.yaml')
  const image = `${scene.registry}/dave/made:latest`
  const stack = {
    version: '1.0',
    provider: { name: 'openfaas' },
    functions: { made: { lang: 'of-http', handler: './made', image } }
  }
  await writeFile(file, JSON.stringify(stack))
  for (const words of ['first', 'second']) {
    await writeFile(join(handler, 'handler.js'), `module.exports = (req, res) => res.end(${JSON.stringify(words)})\n`)
    assert.match(await faas.done(['up', '-f', file, '--tag', 'digest']), /202 Accepted/)
    const said = async () => (await faas.run(['invoke', 'made', '-n', 'dave'])).output
    await waitFor(async () => (await said()) === words, { timeoutMs: 60_000, what: `the ${words} version` })
  }
  await faas.done(['remove', '-f', file])
})
