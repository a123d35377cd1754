import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import type { OpenFaasScene } from '../system/openfaas-scene.ts'
import { call, callAllTheTime } from '../system/scene.ts'
import { createFaasCli, type FaasCli } from './faas-cli.fixture.ts'
import { openCall } from './open-call.fixture.ts'
import { type WatchdogTemplate, writeTemplates } from './templates.fixture.ts'

/** Stays open as long as its caller wants, and tells how many such calls it has and how often it was asked whether it is ready. */
const handler = `let held = 0
let asked = 0
const { VERSION: version = '1', READY_AFTER: after = '0' } = process.env
module.exports = (req, res) => {
  if (req.url === '/ready') {
    asked += 1
    res.writeHead(asked > Number(after) ? 200 : 503).end()
  } else if (req.url === '/hold') {
    held += 1
    req.resume().once('end', () => res.end('held by ' + version)).once('close', () => { held -= 1 })
  } else if (req.url === '/stream') {
    res.write('x'.repeat(65536))
  } else if (req.url !== '/never') {
    res.end(JSON.stringify({ version, held, asked }))
  }
}
`

/** Where the functions run. */
export interface WatchdogGround {
  scene: OpenFaasScene
  /** What a build says of a version whose ready path answers 503. */
  neverReady: RegExp
  /** Once whoever runs a function's only replica has seen that it answers 429, where somebody looks. */
  untilFoundBusy(name: string): Promise<void>
  close(): Promise<void>
}

/** Functions whose images have OpenFaaS' own watchdogs, made and deployed by OpenFaaS' own command line. */
export function testWatchdogs(where: string, open: () => Promise<WatchdogGround>): void {
  void describe(`functions behind watchdogs ${where}`, () => {
    let ground: WatchdogGround
    let scene: OpenFaasScene
    let faas: FaasCli

    before(async () => {
      ground = await open()
      scene = ground.scene
      faas = await createFaasCli(scene)
      await writeTemplates(faas.directory, scene.installation.endpoints.installation)
      await mkdir(join(faas.directory, 'handler'))
      await writeFile(join(faas.directory, 'handler', 'handler.js'), handler)
      await faas.done(['login', '-u', 'dave', '--password-stdin'], scene.token)
      const images: Record<WatchdogTemplate, string> = { 'of-http': imageOf('of-http'), classic: imageOf('classic') }
      for (const [lang, image] of Object.entries(images)) {
        const file = join(faas.directory, `${lang}.yaml`)
        const functions = { [lang]: { lang, handler: './handler', image } }
        await writeFile(file, JSON.stringify({ version: '1.0', provider: { name: 'openfaas' }, functions }))
        await faas.done(['build', '-f', file])
        await faas.done(['push', '-f', file])
      }
    })
    after(() => ground?.close())

    const imageOf = (template: WatchdogTemplate) => `${scene.registry}/dave/${template}:latest`

    /**
     * Until it is served.
     *
     * @param more what faas-cli is told besides, such as `--annotation`
     */
    async function deploy(
      name: string,
      template: WatchdogTemplate,
      environment: Record<string, string>,
      more: string[] = []
    ): Promise<void> {
      const env = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`])
      await faas.done(['deploy', '--name', name, '--image', imageOf(template), ...env, ...more])
      const { items } = await scene.installation.api.listBuilds({ limit: 1 })
      const { status, reason } = await scene.ended(items[0]?.id ?? '')
      assert.deepEqual([name, status, reason], [name, 'live', null])
    }

    async function stateOf(name: string): Promise<{ status: number; version?: string; held?: number; asked?: number }> {
      const { status, body } = await call(scene, `/function/${name}.dave/state`)
      return status === 200 ? { status, ...(JSON.parse(body) as object) } : { status }
    }

    /** A call that the function has, and that goes on until `end`. */
    async function hold(name: string) {
      const before = (await stateOf(name)).held ?? 0
      const held = openCall(scene, `/function/${name}.dave/hold`, { hasBody: true })
      await waitFor(async () => ((await stateOf(name)).held ?? 0) > before, {
        timeoutMs: 20_000,
        what: 'the call to arrive'
      })
      return held
    }

    const patient = { write_timeout: '5m', read_timeout: '5m', exec_timeout: '5m' }

    test('of-watchdog ends a call that takes longer than exec_timeout, or than its caller would wait, and takes the next', async () => {
      await deploy('late', 'of-http', { exec_timeout: '1s', ready_path: '/ready' })
      const ended = await call(scene, '/function/late.dave/never')
      assert.deepEqual([ended.status, ended.headers['x-openfaas-internal']], [504, 'of-watchdog'])
      await deploy('late', 'of-http', { ...patient, VERSION: '2', ready_path: '/ready' })
      const impatient = await call(scene, '/function/late.dave/never', { headers: { 'x-timeout': '300ms' } })
      assert.deepEqual([impatient.status, impatient.headers['x-openfaas-internal']], [504, 'of-watchdog'])
      assert.equal((await stateOf('late')).status, 200)
    })

    test('a replica with max_inflight calls answers 429 to the next, is busy and not dead, and another one helps', async () => {
      // Who asks a replica all the time takes it for dead as soon as one answer says so.
      const hasty = ['--annotation', 'com.openfaas.ready.http.failureThreshold=1']
      await deploy('busy', 'of-http', { ...patient, max_inflight: '2', ready_path: '/ready' }, hasty)
      const first = await hold('busy')
      const second = openCall(scene, '/function/busy.dave/stream', { hasBody: false })
      await second.untilBytes()
      const refused = await call(scene, '/function/busy.dave/state')
      assert.equal(refused.status, 429)
      assert.match(refused.body, /Concurrent request limit exceeded/)

      await ground.untilFoundBusy('busy')
      const scaled = await scene.system('POST', '/system/scale-function/busy', { serviceName: 'busy', replicas: 2 })
      assert.equal(scaled.status, 202)
      await waitFor(async () => (await stateOf('busy')).status === 200, {
        timeoutMs: 30_000,
        what: 'the other replica'
      })
      assert.equal((await scene.system('GET', '/system/function/busy')).json().availableReplicas, 2)
      first.end()
      assert.deepEqual(await first.answer(), { status: 200, body: 'held by 1' })
      second.abort()
    })

    test('a new version waits for its ready_path, and the former one ends the calls that it has', async (t) => {
      const environment = { ...patient, ready_path: '/ready' }
      await deploy('switched', 'of-http', { ...environment, VERSION: '1' })
      const held = await hold('switched')
      const callers = callAllTheTime(scene, '/function/switched.dave/state')
      t.after(() => callers.stop())
      await deploy('switched', 'of-http', { ...environment, VERSION: '2', READY_AFTER: '3' })
      assert.ok(((await stateOf('switched')).asked ?? 0) > 3)
      held.end()
      assert.deepEqual(await held.answer(), { status: 200, body: 'held by 1' })
      const { calls, failed } = await callers.stop()
      assert.deepEqual(failed, [])
      assert.ok(calls > 0)
    })

    test('a version whose ready_path never says so leaves the former one in its place, and its build tells what was answered', async () => {
      const environment = { ready_path: '/ready' }
      await deploy('never', 'of-http', { ...environment, VERSION: '1' })
      const annotations = { 'com.openfaas.ready.http.failureThreshold': '3' }
      const envVars = { ...environment, VERSION: '2', READY_AFTER: '1000000' }
      const wanted = { service: 'never', image: imageOf('of-http'), annotations, envVars }
      const { status, json } = await scene.system('PUT', '/system/functions', wanted)
      assert.equal(status, 202)
      const ended = await scene.ended(String(json().buildId))
      assert.equal(ended.status, 'failed')
      assert.match(JSON.stringify(ended), ground.neverReady)
      assert.equal((await stateOf('never')).version, '1')
    })

    test('classic-watchdog tells a process of each call what was asked', async () => {
      await deploy('cgi', 'classic', {}, ['--fprocess', 'env'])
      const headers = { 'x-colour': 'deep blue', 'content-type': 'text/plain' }
      const path = '/function/cgi.dave/some/where?q=serverless&page=2'
      const asked = await call(scene, path, { method: 'PUT', body: 'words', headers })
      assert.equal(asked.status, 200)
      const told = new Map(
        asked.body.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
      )
      assert.equal(told.get('Http_Method'), 'PUT')
      assert.equal(told.get('Http_Path'), '/some/where')
      assert.equal(told.get('Http_Query'), 'q=serverless&page=2')
      assert.equal(told.get('Http_X_Colour'), 'deep blue')
      assert.equal(told.get('Http_Content_Type'), 'text/plain')
      assert.equal(told.get('Http_Content_Length'), '5')
      assert.equal(told.get('Http_X_Call_Id'), asked.headers['x-call-id'])
      assert.match(told.get('Http_X_Start_Time') ?? '', /^\d{19}$/)
      assert.equal(told.get('Http_X_Forwarded_Host'), new URL(scene.installation.endpoints.gateway).host)
      assert.ok(told.has('Http_X_Forwarded_For'))
    })

    test('classic-watchdog ends a process that takes longer than exec_timeout, passes bodies on and tells a failed process', async () => {
      await deploy('slow', 'classic', { ...patient, exec_timeout: '1s' }, ['--fprocess', 'sleep 100'])
      const slow = await call(scene, '/function/slow.dave')
      assert.deepEqual([slow.status, slow.body], [408, 'Killed process.\n'])
      const words = 'words\n'.repeat(50_000)
      await deploy('slow', 'classic', patient, ['--fprocess', 'cat'])
      const echoed = await call(scene, '/function/slow.dave', { method: 'POST', body: words })
      assert.equal(echoed.body, words)
      await deploy('slow', 'classic', patient, ['--fprocess', 'false'])
      const failed = await call(scene, '/function/slow.dave')
      assert.deepEqual([failed.status, failed.body], [500, 'exit status 1\n'])
    })
  })
}
