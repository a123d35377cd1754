import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { BuildDetail } from '@slipway/client'
import { waitFor } from '@slipway/machine'
import {
  greeterTemplate,
  type HandlerProject,
  handlersFolder,
  ownDockerfile,
  post,
  pushHandlers
} from './handler-project.ts'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'

let scene: Scene
let project: HandlerProject
let ask: HandlerProject['ask']
let askJson: HandlerProject['askJson']

before(async () => {
  for (const name of ['BASE_NODE', 'BASE_PYTHON']) {
    assert.ok(process.env[name], `${name} is not set: "npm test" finds or makes the image that it names`)
  }
  scene = await createScene(({ github }) => ({
    TEMPLATE_SOURCES: `${github}/platform/*`,
    FUNCTION_SLOTS: '4',
    BUILD_SLOTS: '4'
  }))
  project = await pushHandlers(scene)
  ask = project.ask
  askJson = project.askJson
})
after(() => scene?.close())

async function logOf({ id }: BuildDetail, name: string): Promise<string> {
  const lines = await Array.fromAsync(scene.installation.api.followLog(id, { follow: false }))
  return lines.flatMap((line) => (line.functionName === name ? [line.text] : [])).join('\n')
}

void describe('handlers and templates of OpenFaaS', { concurrency: 8 }, () => {
  test('the event has the body by its content type', async () => {
    const bodyOf = async (options: Parameters<typeof ask>[2], name = 'echo') => {
      const { kind, body } = await askJson(name, '/', options)
      return [kind, body]
    }
    assert.deepEqual(await bodyOf(post('{"a":[1]}', 'application/json')), ['object', { a: [1] }])
    assert.deepEqual(await bodyOf(post('päin', 'text/plain; charset=utf-8')), ['string', 'päin'])
    assert.deepEqual(await bodyOf(post('no type')), ['string', 'no type'])
    const form = post('a=1&b[c]=2&b[d][]=%C3%A4', 'application/x-www-form-urlencoded')
    assert.deepEqual(await bodyOf(form), ['object', { a: '1', b: { c: '2', d: ['ä'] } }])
    const bytes = Buffer.from([0, 255, 13, 10])
    assert.deepEqual(await bodyOf(post(bytes, 'application/octet-stream')), ['buffer', '00ff0d0a'])
    assert.deepEqual(await bodyOf({}), ['undefined', undefined])
    assert.deepEqual(await bodyOf({}, 'echo-express4'), ['object', {}])
    assert.equal((await ask('echo', '/', post('{"a":', 'application/json'))).status, 400)
  })

  test('the event has method, path, query and headers', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { headers } = await ask('echo', '/', { method })
      assert.equal(headers['x-method'], method)
    }
    const options = { headers: { 'X-Custom': 'value', 'content-type': 'text/csv' }, method: 'PUT', body: 'a,b' }
    const event = await askJson('echo', '/a/b%20c?x=1&y=2&y=3&z[k]=4', options)
    assert.deepEqual(
      [event.path, event.query, event.custom, event.contentType],
      ['/a/b%20c', { x: '1', y: ['2', '3'], 'z[k]': '4' }, 'value', 'text/csv']
    )
    assert.match(String(event.callId), /^[\w-]{8,}$/)
    assert.deepEqual((await askJson('echo-express4', '/?z[k]=4')).query, { z: { k: '4' } })
  })

  test('RAW_BODY hands the bytes over as they came, and what is too large is refused', async () => {
    const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256))
    for (const type of ['application/json', 'text/plain', 'application/octet-stream']) {
      const { kind, body } = await askJson('echo-raw', '/', post(bytes, type))
      assert.deepEqual([kind, body], ['buffer', bytes.toString('hex')])
    }
    assert.equal((await ask('echo-raw', '/', post(Buffer.alloc(3000), 'image/png'))).status, 413)
    assert.equal((await ask('echo', '/', post(`["${'x'.repeat(2000)}"]`, 'application/json'))).status, 413)
    assert.equal((await ask('echo', '/', post('x'.repeat(2000), 'text/plain'))).status, 200)
  })

  test('each way of answering is an answer', async () => {
    const expected: [path: string, status: number, type: RegExp | null, body: string | RegExp][] = [
      ['/object', 200, /json/, '{"a":[1,2]}'],
      ['/list', 200, /json/, '[{"a":1}]'],
      ['/text', 200, /text\/html/, 'text'],
      ['/nothing', 200, null, ''],
      ['/returned', 200, /json/, '{"returned":true}'],
      ['/created', 201, /json/, '{"id":1}'],
      ['/empty', 204, null, ''],
      ['/redirect', 302, null, ''],
      ['/fail', 500, null, 'out of stock'],
      ['/refuse', 404, null, /no such thing/],
      ['/throw', 500, null, /broken/],
      ['/late', 202, null, 'late'],
      ['/promise', 200, null, 'kept'],
      ['/rejected', 500, null, /not kept/],
      ['/file', 200, null, 'kept beside the handler\n'],
      ['/scratch', 200, null, 'written'],
      ['/common', 200, null, 'common words.'],
      ['/unknown', 404, /json/, '{"message":"nothing at /unknown"}']
    ]
    for (const [path, status, type, body] of expected) {
      const answer = await ask('answers', path)
      assert.equal(answer.status, status, path)
      if (type !== null) assert.match(String(answer.headers['content-type']), type, path)
      if (typeof body === 'string') assert.equal(answer.body, body, path)
      else assert.match(answer.body, body, path)
    }
    const created = await ask('answers', '/created')
    assert.deepEqual([created.headers.location, created.headers['set-cookie']], ['/things/1', ['a=1', 'b=2']])
    const image = await ask('answers', '/buffer')
    assert.deepEqual([image.headers['content-type'], image.bytes.toString('hex')], ['image/png', '895000ff'])
  })

  test('a handler may call back, at once or later, with a result or an error', async () => {
    assert.equal((await ask('callbacks', '/at-once')).body, '{"status":"at once"}')
    assert.equal((await ask('callbacks', '/later')).body, '{"status":"later"}')
    const context = await ask('callbacks', '/context')
    assert.deepEqual([context.status, context.body], [201, '{"status":"by the context"}'])
    const error = await ask('callbacks', '/error')
    assert.deepEqual([error.status, error.body], [500, 'Error: no luck'])
    assert.deepEqual([(await ask('callbacks', '/context-fails')).status], [409])
    assert.deepEqual(await askJson('callbacks', '/?a[b]=1'), { body: {}, query: { a: { b: '1' } } })
  })

  test('a handler may be an ES module', async () => {
    assert.deepEqual(await askJson('greeting', '/?of=g'), { greeting: 'Good morning, Grace', handler: 'handler.js' })
  })

  test('a function keeps its state from one request to the next, and ends what it has begun when it is stopped', async () => {
    const first = await askJson('counter')
    const second = await askJson('counter')
    assert.deepEqual([second.count, second.started], [Number(first.count) + 1, first.started])

    const slow = ask('counter', '/slow?ms=2500')
    const container = await project.containerOf('counter')
    const hasBegun = async () => (await container.logs({ stdout: true })).includes('a slow request began')
    await waitFor(hasBegun, { timeoutMs: 20_000, what: 'the slow request to begin' })
    await container.kill({ signal: 'SIGTERM' })
    const ended: { StatusCode: number } = await container.wait()
    assert.deepEqual([(await slow).status, ended.StatusCode], [200, 0])
  })

  test('dependencies of a lock file are installed, with those of the tests, and the tests are run', async () => {
    const answer = await askJson('durations', '/', post('{"text":"2h"}', 'application/json'))
    assert.deepEqual(answer, { milliseconds: 7_200_000, installed: '2.1.3' })
    const log = await logOf(await project.live, 'durations')
    assert.match(log, /npm ci [^]*added \d+ packages in/)
    assert.match(log, /Passed:\s+2/)
  })

  test('dependencies without a lock file are installed, and npm’s own words for no test are none', async () => {
    assert.equal((await ask('slugs', '/', post('Good Morning', 'text/plain'))).body, 'good-morning')
    const log = await logOf(await project.live, 'slugs')
    assert.match(log, /npm install .*--no-package-lock[^]*added 1 package in/)
    assert.doesNotMatch(`${log}${await logOf(await project.live, 'greeting')}`, /npm test|no test specified/)
  })

  test('a python3-http handler answers, with its requirements', async () => {
    const answer = await ask('inflect', '/a/b%20c?form=short', { ...post('ox'), headers: { 'x-custom': 'value' } })
    assert.deepEqual(JSON.parse(answer.body), {
      plural: 'oxen',
      polite: 'ox, please',
      path: '/a/b c',
      form: 'short',
      custom: 'value',
      host: true
    })
    assert.equal(answer.headers['x-inflection'], '0.5.1')
    assert.match(await logOf(await project.live, 'inflect'), /Successfully installed inflection-0\.5\.1/)
    const refused = await ask('inflect')
    assert.deepEqual([refused.status, refused.headers.allow, refused.body], [405, 'POST', 'only POST'])
  })

  test('a static folder is served with content types and revalidation', async () => {
    const page = await ask('site', '/')
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    assert.match(page.body, /A folder of files/)
    assert.equal((await ask('site', '/style.css')).headers['content-type'], 'text/css; charset=utf-8')
    assert.match((await ask('site', '/docs/')).body, /Docs/)
    const image = await ask('site', '/dot.png')
    assert.deepEqual(
      [image.headers['content-type'], image.bytes.toString('hex')],
      ['image/png', '89504e470d0a1a0a00ff']
    )
    const again = await ask('site', '/', { headers: { 'if-none-match': String(page.headers.etag) } })
    assert.deepEqual([again.status, again.body], [304, ''])
    assert.equal((await ask('site', '/nothing.html')).status, 404)
  })

  test('a Dockerfile of one’s own answers once it is ready on the path of its annotation', async () => {
    assert.equal((await ask('box')).body, 'own image, user 10001')
  })

  test('the same sources in another repository of the owner are the same image', async () => {
    const made = (await project.live).functions.find(({ name }) => name === 'answers')
    const other = await scene.repository({ owner: 'alice', name: 'copies' })
    for (const folder of ['answers', 'common']) {
      await cp(join(handlersFolder, folder), join(other.workingCopy.directory, folder), { recursive: true })
    }
    const stack = stackOf({ again: { lang: 'node22', handler: './answers' } })
    const build = await other.ended(await other.push({ 'stack.yml': `${stack}configuration:\n  copy: [./common]\n` }))
    const [again] = build.functions
    assert.deepEqual([build.status, again?.isReused], ['live', true])
    assert.deepEqual([again?.contentKey, again?.image], [made?.contentKey, made?.image])
    assert.equal((await call(scene, '/function/alice-again/text')).body, 'text')
  })

  test('a failing npm test fails the build, tells its end on the commit, and the former version stays', async () => {
    await project.live
    const handler = 'module.exports = async (event, context) => context.status(200).succeed({ milliseconds: 1 })\n'
    const commit = await project.repository.push({ 'durations/handler.js': handler })
    const build = await project.repository.ended(commit)
    assert.equal(build.status, 'failed')
    assert.match(build.reason ?? '', /^durations: exit code 1 in `.*npm test`$/)
    const status = (await project.repository.statuses(commit))['slipway/durations']
    assert.equal(status?.state, 'failure')
    assert.match(status?.text ?? '', /what is no duration is refused[^]*Passed:\s+0/)
    const { milliseconds } = await askJson('durations', '/', post('{"text":"1s"}', 'application/json'))
    assert.equal(milliseconds, 1000)
  })

  test('a function that listens elsewhere fails, with the port, the path and the annotation', async () => {
    const repository = await scene.repository({ owner: 'bob' })
    const commit = await repository.push({
      // Without it, a function that says nothing has half a minute.
      'stack.yml': stackOf({
        deaf: { lang: 'dockerfile', more: ['annotations:', '  com.openfaas.ready.http.failureThreshold: 3'] }
      }),
      'deaf/Dockerfile': ownDockerfile('serve.mjs'),
      'deaf/serve.mjs': "import { createServer } from 'node:http'\ncreateServer().listen(3000)\n"
    })
    const build = await repository.ended(commit)
    assert.equal(build.status, 'failed')
    assert.match(build.reason ?? '', /^deaf: .*port 8080.*GET \/_\/health.*com\.openfaas\.ready\.http\.path changes it/)
    assert.match((await repository.statuses(commit))['slipway/deaf']?.description ?? '', /port 8080/)
  })

  test('platforms of another architecture are refused where they are written', async () => {
    const repository = await scene.repository({ owner: 'carol' })
    const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64'
    const commit = await repository.push({
      'stack.yml': stackOf({ hello: { more: [`platforms: ${other}`] } }),
      'hello/handler.js': saying('never')
    })
    const build = await repository.ended(commit)
    assert.equal(build.status, 'failed')
    const sentence = new RegExp(`^stack\\.yml:8:16: .*builds for linux/\\w+ only, not for "${other}"`)
    assert.match(build.reason ?? '', sentence)
    assert.match((await repository.statuses(commit))['slipway/stack']?.description ?? '', sentence)
  })

  test('a template repository is used at the ref that the stack names', async () => {
    const templates = await scene.repository({ owner: 'platform', name: 'templates' })
    await templates.push(greeterTemplate('hello'))
    await templates.workingCopy.git('checkout', '--quiet', '-b', 'v2')
    const second = await templates.workingCopy.commit(greeterTemplate('salut'), 'another greeting')
    await templates.workingCopy.push({ ref: 'refs/heads/v2' })

    const repository = await scene.repository({ owner: 'dave' })
    const stack = stackOf({ who: { lang: 'greeter', more: ['build_options: [loud]'] } })
    const source = `${scene.github.url}/platform/templates`
    const greet = async (address: string) => {
      const configuration = `configuration:\n  templates:\n    - name: greeter\n      source: ${address}\n`
      const commit = await repository.push({ 'stack.yml': `${stack}${configuration}`, 'who/name.txt': 'world\n' })
      return repository.ended(commit)
    }
    const build = await greet(`${source}#v2`)
    assert.equal(build.status, 'live', build.reason ?? undefined)
    assert.equal((await call(scene, '/function/dave-who')).body, 'salut, world (megaphone)')
    assert.match(await logOf(build, 'who'), new RegExp(`template: ${source} at ${second}`))
    assert.equal((await greet(source)).status, 'live')
    assert.equal((await call(scene, '/function/dave-who')).body, 'hello, world (megaphone)')

    const refused = await greet('https://forge.example/stranger/templates')
    assert.equal(refused.status, 'failed')
    assert.match(
      refused.reason ?? '',
      /no template "greeter".*"https:\/\/forge\.example\/stranger\/templates" is not used: its address is not allowed/
    )
    assert.match((await greet(`${scene.github.url}/stranger/templates`)).reason ?? '', /is not the https address/)
    assert.equal((await call(scene, '/function/dave-who')).body, 'hello, world (megaphone)')
  })
})
