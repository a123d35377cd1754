import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { findProgram, waitFor } from '@slipway/machine'
import { call, createScene, type Scene, stackOf } from './scene.ts'

/** OpenFaaS' own command line, unchanged. Where there is none, what it sends is sent by the other tests of this file. */
const faasCli = process.env.FAAS_CLI || (await findProgram('faas-cli'))

let scene: Scene
let token = ''
/** Of a function that was built here, by tag. */
let image = ''

const handler = `const { readFileSync } = require('node:fs')
module.exports = async (event, context) => {
  console.log('called with ' + event.body)
  const read = (name) => { try { return readFileSync('/var/openfaas/secrets/' + name, 'utf8') } catch { return null } }
  return context.status(200).succeed(JSON.stringify({ said: String(event.body), colour: process.env.COLOUR ?? null, secret: read('api-key') }))
}
`

before(async () => {
  scene = await createScene({ CALLBACK_LOOPBACK: 'on' })
  const repository = await scene.repository({ owner: 'dave' })
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': handler })
  assert.equal((await repository.ended(commit)).status, 'live')
  const { api } = scene.installation
  const { live } = await api.getFunction({ owner: 'dave', name: 'hello' })
  image = `${live?.image.repository}:${live?.image.tag}`
  token = (await api.createToken({ owner: 'dave', name: 'faas', scope: 'admin', expiresInDays: 1 })).secret
})
after(() => scene.close())

/** Runs faas-cli with a configuration of this test's own. */
async function faas(args: string[], input = ''): Promise<{ code: number; output: string }> {
  const home = join(scene.directory, 'faas')
  await mkdir(home, { recursive: true })
  const env = { ...process.env, OPENFAAS_CONFIG: home, HOME: home, OPENFAAS_URL: scene.installation.endpoints.gateway }
  return new Promise((resolve) => {
    const child = execFile(faasCli ?? '', args, { env, cwd: home, timeout: 60_000 }, (error, stdout, stderr) => {
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

function needsFaasCli(t: TestContext): boolean {
  if (faasCli === null) t.skip('there is no faas-cli on this machine: set FAAS_CLI to one')
  return faasCli !== null
}

async function said(name: string, body = 'x'): Promise<Record<string, unknown>> {
  const answer = await call(scene, `/function/${name}.dave`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain' }
  })
  return answer.status === 200 ? (JSON.parse(answer.body) as Record<string, unknown>) : { status: answer.status }
}

async function system(method: string, path: string, body?: object, secret = token) {
  const authorization = `Basic ${Buffer.from(`admin:${secret}`).toString('base64')}`
  const text = body === undefined ? null : JSON.stringify(body)
  const about = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text ?? '')) }
  const headers = { authorization, ...(text === null ? {} : about) }
  const { status, body: answer } = await call(scene, path, {
    method,
    headers,
    ...(text === null ? {} : { body: text })
  })
  return { status, text: answer, json: () => JSON.parse(answer) as Record<string, unknown> }
}

async function untilReady(name: string, colour: string | null): Promise<void> {
  await waitFor(async () => (await said(name)).colour === colour, { timeoutMs: 20_000, what: `${name} in ${colour}` })
}

test('faas-cli signs in, deploys an image, calls it, reads its log, scales it and takes it away again', async (t) => {
  if (!needsFaasCli(t)) return
  assert.notEqual((await faas(['login', '-u', 'dave', '--password-stdin'], 'wrong')).code, 0)
  assert.match(await done(['login', '-u', 'dave', '--password-stdin'], token), /credentials saved for dave/)
  assert.match(await done(['version', '--warn-update=false']), /slipway/)
  assert.match(await done(['ready']), /is ready/)
  assert.match(await done(['namespaces']), /^Namespaces:\s+- dave\s*$/m)
  assert.match(await done(['secret', 'create', 'api-key', '--from-literal', 'first']), /Created: 201/)
  assert.match((await faas(['secret', 'create', 'api-key', '--from-literal', 'again'])).output, /already exists/)
  assert.match(await done(['secret', 'list']), /api-key/)

  const deploy = ['deploy', '--image', image, '--name', 'copy', '--secret', 'api-key', '--label', 'topic=copies']
  assert.match(await done([...deploy, '--env', 'COLOUR=blue']), /Deployed\. 202 Accepted\./)
  assert.match(await done(['ready', 'copy', '--interval', '500ms', '--attempts', '60']), /Function copy is ready/)
  assert.match(await done(['list']), /^copy\s+\d+\s+1\s*$/m)
  await untilReady('copy', 'blue')
  assert.deepEqual(JSON.parse(await done(['invoke', 'copy', '-n', 'dave'], 'words')), {
    said: 'words',
    colour: 'blue',
    secret: 'first'
  })
  const described = await done(['describe', 'copy'])
  assert.match(described, /Status:\s+Ready/)
  assert.ok(described.includes(image), described)
  assert.match(await done(['logs', 'copy', '--tail=false']), /called with words/)

  assert.match(await done(['secret', 'update', 'api-key', '--from-literal', 'second']), /Updated: 202/)
  await waitFor(async () => (await said('copy')).secret === 'second', { timeoutMs: 20_000, what: 'the new secret' })
  assert.match(await done([...deploy, '--env', 'COLOUR=red']), /202 Accepted/)
  await untilReady('copy', 'red')
  assert.equal((await system('POST', '/system/scale-function/copy', { serviceName: 'copy', replicas: 2 })).status, 202)
  assert.match(await done(['list']), /^copy\s+\d+\s+2\s*$/m)

  assert.notEqual((await faas(['secret', 'remove', 'api-key'])).code, 0)
  await done(['remove', 'copy'])
  await waitFor(async () => (await said('copy')).status === 404, { timeoutMs: 10_000, what: 'the function to be gone' })
  assert.match((await faas(['describe', 'copy'])).output, /no such function: copy/i)
  await done(['secret', 'remove', 'api-key'])
  await done(['logout'])
  assert.notEqual((await faas(['list'])).code, 0)
})

test('faas-cli brings a stack file up and follows its log', async (t) => {
  if (!needsFaasCli(t)) return
  await done(['login', '-u', 'dave', '--password-stdin'], token)
  const file = join(scene.directory, 'faas', 'stack.yaml')
  const stack = {
    version: '1.0',
    provider: { name: 'openfaas' },
    functions: { up: { skip_build: true, image, environment: { COLOUR: 'green' } } }
  }
  await writeFile(file, JSON.stringify(stack))
  // Else it looks for templates on the Internet.
  await mkdir(join(scene.directory, 'faas', 'template'))
  assert.match(await done(['up', '-f', file, '--skip-push']), /202 Accepted/)
  await untilReady('up', 'green')
  const env = {
    ...process.env,
    OPENFAAS_CONFIG: join(scene.directory, 'faas'),
    OPENFAAS_URL: scene.installation.endpoints.gateway
  }
  const follower = spawn(faasCli ?? '', ['logs', 'up'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => follower.kill())
  let seen = ''
  follower.stdout.on('data', (part: Buffer) => {
    seen += part.toString()
  })
  const isHeard = async () => {
    await said('up', 'before')
    return seen !== ''
  }
  await waitFor(isHeard, { timeoutMs: 20_000, everyMs: 500, what: 'the log' })
  await said('up', 'while it is followed')
  await waitFor(() => seen.includes('called with while it is followed'), { timeoutMs: 10_000, what: 'the line' })
  await done(['remove', '-f', file])
})

test('only an administrator makes namespaces, by faas-cli, and deploys into them', async (t) => {
  if (!needsFaasCli(t)) return
  await done(['login', '-u', 'dave', '--password-stdin'], token)
  assert.notEqual((await faas(['namespace', 'create', 'erin'])).code, 0)
  const { token: all } = await administrator()
  await done(['login', '-u', 'admin', '--password-stdin'], all)
  await done(['namespace', 'create', 'erin'])
  assert.match(await done(['namespace', 'get', 'erin']), /erin/)
  await done(['namespace', 'update', 'erin'])
  assert.match(await done(['namespaces']), /- dave[^]*- erin/)
  assert.match(await done(['list', '-n', 'dave']), /hello/)
  assert.doesNotMatch(await done(['list', '-n', 'erin']), /hello/)
})

test('what faas-cli sends works from any client: an image is deployed, updated and removed', async () => {
  const wanted = { service: 'plain', image, envVars: { COLOUR: 'blue' }, labels: {}, annotations: {} }
  assert.equal((await system('PUT', '/system/functions', wanted)).status, 404)
  assert.equal((await system('POST', '/system/functions', wanted)).status, 202)
  await untilReady('plain', 'blue')
  assert.equal((await system('PUT', '/system/functions', { ...wanted, envVars: { COLOUR: 'red' } })).status, 202)
  await untilReady('plain', 'red')
  const shown = (await system('GET', '/system/function/plain?usage=1')).json()
  assert.deepEqual([shown.image, shown.availableReplicas, shown.namespace], [image, 1, 'dave'])
  const logs = await system('GET', '/system/logs?name=plain&follow=false')
  assert.match(
    logs.text,
    /^\{"name":"plain","namespace":"dave","instance":"[^"]+","timestamp":"[^"]+","text":"called with x"\}$/m
  )
  assert.equal((await system('DELETE', '/system/functions', { functionName: 'plain' })).status, 202)
  await waitFor(async () => (await said('plain')).status === 404, {
    timeoutMs: 10_000,
    what: 'the function to be gone'
  })
})

test('an image of another owner, or of a registry that is not allowed, is not deployed, and the build says why', async () => {
  const others = image.replace('/dave/', '/erin/')
  const { status, json } = await system('POST', '/system/functions', { service: 'stolen', image: others })
  assert.equal(status, 202)
  const id = String(json().buildId)
  const ended = await waitFor(
    async () => {
      const build = await scene.installation.api.getBuild({ id })
      return build.status === 'failed' ? build : null
    },
    { timeoutMs: 20_000, what: 'the build to fail' }
  )
  assert.match((ended as { reason: string }).reason, /may not be used with skip_build/)
  assert.equal((await said('stolen')).status, 404)
})

test('nobody gets past the gateway without a token, and a function of git is not replaced', async () => {
  assert.equal((await call(scene, '/system/functions')).status, 401)
  assert.equal((await system('GET', '/system/functions', undefined, 'slw_wrong')).status, 401)
  const taken = await system('PUT', '/system/functions', { service: 'hello', image })
  assert.equal(taken.status, 409)
  assert.match(taken.text, /belongs to repository dave\/shop/)
})

test('calls that nobody waits for are made and told of, also when everything is killed in between', async (t) => {
  const told = new Map<string, { status: string; body: string }>()
  const hook = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const status = String(req.headers['x-function-status'])
      told.set(String(req.headers['x-call-id']), { status, body: Buffer.concat(parts).toString() })
      res.end()
    })
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  t.after(() => hook.close())
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const leave = async (body: string) => {
    const headers = { 'x-callback-url': url, 'content-type': 'text/plain' }
    const { status, headers: answer } = await call(scene, '/async-function/dave-hello', {
      method: 'POST',
      body,
      headers
    })
    assert.equal(status, 202)
    return String(answer['x-call-id'])
  }
  const first = await leave('first')
  await waitFor(() => told.has(first), { timeoutMs: 10_000, what: 'the first to be told of' })
  assert.equal(told.get(first)?.status, '200')
  assert.match(told.get(first)?.body ?? '', /"said":"first"/)

  const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => leave(`number ${i}`)))
  await scene.installation.kill()
  await scene.restart()
  await waitFor(() => ids.every((id) => told.has(id)), { timeoutMs: 90_000, what: 'all of them to be told of' })
  assert.ok(ids.every((id, i) => told.get(id)?.body.includes(`number ${i}`)))

  if (faasCli === null) return
  await done(['login', '-u', 'dave', '--password-stdin'], token)
  assert.match(await done(['invoke', 'hello', '-n', 'dave', '--async'], 'x'), /submitted asynchronously/)
})

async function administrator(): Promise<{ token: string }> {
  return { token: (await readFile(join(scene.directory, 'home', 'admin-token'), 'utf8')).trim() }
}
