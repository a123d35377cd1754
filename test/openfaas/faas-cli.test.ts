import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findProgram, waitFor } from '@slipway/machine'
import { createOpenFaasScene, type OpenFaasScene } from '../system/openfaas-scene.ts'

/** OpenFaaS' own command line, unchanged. What it sends is sent without it by the system tests. */
const faasCli = process.env.FAAS_CLI || (await findProgram('faas-cli')) || ''

let scene: OpenFaasScene

before(async () => {
  if (faasCli === '')
    throw new Error('there is no faas-cli on this machine: put one on the PATH, or set FAAS_CLI to it')
  scene = await createOpenFaasScene()
})
after(() => scene?.close())

/** Runs faas-cli with a configuration of this test's own. */
async function faas(args: string[], input = ''): Promise<{ code: number; output: string }> {
  const home = join(scene.directory, 'faas')
  await mkdir(home, { recursive: true })
  const env = { ...process.env, OPENFAAS_CONFIG: home, HOME: home, OPENFAAS_URL: scene.installation.endpoints.gateway }
  return new Promise((resolve) => {
    const child = execFile(faasCli, args, { env, cwd: home, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr })
    })
    child.stdin?.end(input)
  })
}

async function done(args: string[], input = ''): Promise<string> {
  const { code, output } = await faas(args, input)
  assert.equal(code, 0, `faas-cli ${args.join(' ')}: ${output}`)
  return output
}

test('faas-cli signs in, deploys an image, calls it, reads its log, scales it and takes it away again', async () => {
  assert.notEqual((await faas(['login', '-u', 'dave', '--password-stdin'], 'wrong')).code, 0)
  assert.match(await done(['login', '-u', 'dave', '--password-stdin'], scene.token), /credentials saved for dave/)
  assert.match(await done(['version', '--warn-update=false']), /slipway/)
  assert.match(await done(['ready']), /is ready/)
  assert.match(await done(['namespaces']), /^Namespaces:\s+- dave\s*$/m)
  assert.match(await done(['secret', 'create', 'api-key', '--from-literal', 'first']), /Created: 201/)
  assert.match((await faas(['secret', 'create', 'api-key', '--from-literal', 'again'])).output, /already exists/)
  assert.match(await done(['secret', 'list']), /api-key/)

  const deploy = ['deploy', '--image', scene.image, '--name', 'copy', '--secret', 'api-key', '--label', 'topic=copies']
  assert.match(await done([...deploy, '--env', 'COLOUR=blue']), /Deployed\. 202 Accepted\./)
  assert.match(await done(['ready', 'copy', '--interval', '500ms', '--attempts', '60']), /Function copy is ready/)
  assert.match(await done(['list']), /^copy\s+\d+\s+1\s*$/m)
  await scene.untilReady('copy', 'blue')
  assert.deepEqual(JSON.parse(await done(['invoke', 'copy', '-n', 'dave'], 'words')), {
    said: 'words',
    colour: 'blue',
    secret: 'first'
  })
  const described = await done(['describe', 'copy'])
  assert.match(described, /Status:\s+Ready/)
  assert.ok(described.includes(scene.image), described)
  assert.match(await done(['logs', 'copy', '--tail=false']), /called with words/)

  assert.match(await done(['secret', 'update', 'api-key', '--from-literal', 'second']), /Updated: 202/)
  await waitFor(async () => (await scene.said('copy')).secret === 'second', {
    timeoutMs: 20_000,
    what: 'the new secret'
  })
  assert.match(await done([...deploy, '--env', 'COLOUR=red']), /202 Accepted/)
  await scene.untilReady('copy', 'red')
  assert.equal(
    (await scene.system('POST', '/system/scale-function/copy', { serviceName: 'copy', replicas: 2 })).status,
    202
  )
  assert.match(await done(['list']), /^copy\s+\d+\s+2\s*$/m)

  assert.notEqual((await faas(['secret', 'remove', 'api-key'])).code, 0)
  await done(['remove', 'copy'])
  await waitFor(async () => (await scene.said('copy')).status === 404, {
    timeoutMs: 10_000,
    what: 'the function to be gone'
  })
  assert.match((await faas(['describe', 'copy'])).output, /no such function: copy/i)
  await done(['secret', 'remove', 'api-key'])
  await done(['logout'])
  assert.notEqual((await faas(['list'])).code, 0)
})

test('faas-cli brings a stack file up and follows its log', async (t) => {
  await done(['login', '-u', 'dave', '--password-stdin'], scene.token)
  const file = join(scene.directory, 'faas', 'stack.yaml')
  const stack = {
    version: '1.0',
    provider: { name: 'openfaas' },
    functions: { up: { skip_build: true, image: scene.image, environment: { COLOUR: 'green' } } }
  }
  await writeFile(file, JSON.stringify(stack))
  // Else it looks for templates on the Internet.
  await mkdir(join(scene.directory, 'faas', 'template'))
  assert.match(await done(['up', '-f', file, '--skip-push']), /202 Accepted/)
  await scene.untilReady('up', 'green')
  const env = {
    ...process.env,
    OPENFAAS_CONFIG: join(scene.directory, 'faas'),
    OPENFAAS_URL: scene.installation.endpoints.gateway
  }
  const follower = spawn(faasCli, ['logs', 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => follower.kill())
  let seen = ''
  follower.stdout.on('data', (part: Buffer) => {
    seen += part.toString()
  })
  const isHeard = async () => {
    await scene.said('up', 'before')
    return seen !== ''
  }
  await waitFor(isHeard, { timeoutMs: 20_000, everyMs: 500, what: 'the log' })
  await scene.said('up', 'while it is followed')
  await waitFor(() => seen.includes('called with while it is followed'), { timeoutMs: 10_000, what: 'the line' })
  await done(['remove', '-f', file])
})

test('only an administrator makes namespaces, by faas-cli, and deploys into them', async () => {
  await done(['login', '-u', 'dave', '--password-stdin'], scene.token)
  assert.notEqual((await faas(['namespace', 'create', 'erin'])).code, 0)
  const all = (await readFile(join(scene.directory, 'home', 'admin-token'), 'utf8')).trim()
  await done(['login', '-u', 'admin', '--password-stdin'], all)
  await done(['namespace', 'create', 'erin'])
  assert.match(await done(['namespace', 'get', 'erin']), /erin/)
  await done(['namespace', 'update', 'erin'])
  assert.match(await done(['namespaces']), /- dave[^]*- erin/)
  assert.match(await done(['list', '-n', 'dave']), /hello/)
  assert.doesNotMatch(await done(['list', '-n', 'erin']), /hello/)
})

test('faas-cli leaves a call that nobody waits for', async () => {
  await done(['login', '-u', 'dave', '--password-stdin'], scene.token)
  assert.match(await done(['invoke', 'hello', '-n', 'dave', '--async'], 'x'), /submitted asynchronously/)
})
