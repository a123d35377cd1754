import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createWorkingCopy, startInstallation, type WorkingCopy } from '@slipway/demo'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createBrowser } from './browser.ts'
import { comeBack, install, makeApp } from './manifest-browser.ts'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'
import { slipway } from './slipway-command.ts'

const cli = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))
let scene: Scene
let copy: WorkingCopy
let repositoryId: number

before(async () => {
  // Nothing of GitHub in the environment: neither credentials nor where it is. Of GitLab only where it is.
  scene = await createScene({ HEADS_EVERY_MS: '3600000' }, ({ home, env }) =>
    startInstallation({
      home,
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !/^GITHUB_|^GITLAB_(?:TOKEN|WEBHOOK)/.test(name)))
    })
  )
  scene.github.removeWebhooks()
  scene.gitlab.removeWebhooks()
  const hosted = await scene.github.createRepository({
    owner: 'dev',
    name: 'shop',
    isPrivate: true,
    isInstalled: false
  })
  repositoryId = hosted.id
  copy = await createWorkingCopy(join(scene.directory, `copy-${randomUUID()}`), hosted.cloneUrl)
})
after(() => scene.close())

async function push(word: string): Promise<string> {
  const commit = await copy.commit({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(word) }, word)
  await copy.push({})
  return commit
}

const answers = (word: string) =>
  waitFor(async () => (await call(scene, '/function/dev-hello')).body === word, {
    timeoutMs: 60_000,
    what: `the function to say ${word}`
  })

/** `slipway connect github` as a process that goes on while somebody uses a browser. */
function startConnecting() {
  const env = { ...process.env, SLIPWAY_HOME: join(scene.directory, 'home') }
  const child = spawn(process.execPath, [cli, 'connect', 'github', '--url', scene.github.url, '--no-open'], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (part: string) => {
      output += part
    })
  }
  // Not its exit: what it wrote at its end may come after that.
  const exited = once(child, 'close').then(([code]) => Number(code))
  const until = (pattern: RegExp) =>
    waitFor(() => pattern.exec(output), { timeoutMs: 30_000, what: `${pattern.source} in\n${output}` })
  return { exited, until, output: () => output }
}

test('from "slipway connect github" to an answering function, without a GitHub in the environment', async () => {
  await push('before')
  const { receiver } = scene.installation.endpoints
  assert.equal(
    (
      await fetch(`${receiver}/webhooks/github`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' }
      })
    ).status,
    404
  )

  const connecting = startConnecting()
  const [, address = ''] = (await connecting.until(/hour\): (\S+)/)) ?? []
  const callback = await makeApp(address, scene.github.url)

  const forged = new URL(callback)
  forged.searchParams.set('state', 'x'.repeat(43))
  assert.equal((await comeBack(forged.href)).status, 404, 'a wrong state converts nothing')

  const { status, location } = await comeBack(callback)
  assert.equal(status, 303)
  assert.equal(location, `${scene.github.url}/apps/slipway/installations/new`)
  await connecting.until(/ok the App "slipway" is made/)
  assert.equal((await comeBack(callback)).location, location, 'who comes again is led on')
  assert.equal((await comeBack(address)).status, 409, 'and the address is spent')

  const stranger = await (
    await fetch(`${scene.installation.endpoints.api}/connect/github/setup?installation_id=1`)
  ).text()
  assert.match(stranger, /is not believed/)
  assert.deepEqual(
    (await scene.installation.api.listForges({ fresh: true })).items.find((one) => one.kind === 'github')
      ?.installations,
    []
  )

  assert.match(await install(location ?? '', 'dev'), /The App is installed/)
  assert.equal(await connecting.exited, 0, connecting.output())
  assert.match(
    connecting.output(),
    /ok installed on dev\n.*\nok the first delivery came: \w+, \w+\nok github is connected/
  )
  await answers('before')

  const commit = await push('hello')
  await answers('hello')
  await waitFor(() => scene.github.statuses(repositoryId, commit).some(({ state }) => state === 'success'), {
    timeoutMs: 15_000,
    what: 'success on the commit'
  })
})

test('people sign in with the App that was connected, and nobody set anything for it', async () => {
  const { api } = scene.installation.endpoints
  const offered = async () =>
    ((await (await fetch(`${api}/api/v1/sign-in`)).json()) as { providers: { id: string }[] }).providers
  await waitFor(async () => (await offered()).some(({ id }) => id === 'github'), {
    timeoutMs: 30_000,
    what: 'sign-in with GitHub to be offered'
  })
  const at = createBrowser({})
  await at.press(await at.get(`${api}/auth/github/start?return=%2Fapi%2Fv1%2Fme`), 'sign_in_as', 'dev')
  const me = (await at.get(`${api}/api/v1/me`)).json() as { login: string; owners: { slug: string; right: string }[] }
  assert.deepEqual([me.login, me.owners.map(({ slug, right }) => `${slug} ${right}`)], ['dev', ['dev admin']])
})

test('what is connected already is not connected again unasked', async () => {
  await assert.rejects(scene.installation.api.connectGitHub({ url: scene.github.url }), (err) => {
    assert.ok(err instanceof Failure && err.code === 'conflict')
    return /"slipway" of dev.*--replace/.test(err.message)
  })
})

test('webhook secret and App key are changed while pushes come, and no delivery is lost', async () => {
  const known = scene.github.deliveries().length
  const rotating = slipway(scene, ['admin', 'rotate', 'webhook-secret'])
  let word = ''
  for (let i = 0; i < 6; i++) {
    word = `secret ${i}`
    await push(word)
  }
  assert.match(await rotating, /another secret/)
  await push('with the new secret')
  await scene.github.settled()

  const file = join(scene.directory, 'app.pem')
  await writeFile(file, await scene.github.addAppKey())
  assert.match(await slipway(scene, ['admin', 'rotate', 'app-key', file]), /delete the former one/)
  scene.github.removeFirstAppKey()
  const last = await push('with the new key')
  await answers('with the new key')
  await waitFor(() => scene.github.statuses(repositoryId, last).some(({ state }) => state === 'success'), {
    timeoutMs: 15_000,
    what: 'success on the commit'
  })
  await scene.github.settled()
  const failed = scene.github
    .deliveries()
    .slice(known)
    .filter(({ status }) => status !== 'delivered')
  assert.deepEqual(
    failed.map(({ event, responseStatus }) => [event, responseStatus]),
    []
  )
  await assert.rejects(slipway(scene, ['admin', 'rotate', 'app-key', fileURLToPath(import.meta.url)]))
})

test('a project of GitLab is connected by a token, whose webhook it makes, and pushes are deployed and told', async () => {
  const { gitlab } = scene
  const repository = await scene.repository({ forge: 'gitlab', owner: 'team', name: 'api', isPrivate: true })
  const first = await repository.push({ 'stack.yml': stackOf({ web: {} }), 'web/handler.js': saying('one') })
  const connect = (token: string) =>
    slipway(scene, ['connect', 'gitlab', 'team/api'], token === '' ? {} : { GITLAB_TOKEN: token })
  await assert.rejects(connect('glpat-guessed'), /GitLab does not take the token/)
  await assert.rejects(
    slipway(scene, ['connect', 'gitlab', 'team/none'], { GITLAB_TOKEN: gitlab.accessToken }),
    /no project team\/none/
  )

  assert.match(
    await connect(gitlab.accessToken),
    /ok team\/api, with the token of slipway-bot\nok its webhook is made: .*\nok GitLab tried it.*\n(?:.*\n)*ok gitlab is connected/
  )
  const says = (word: string) =>
    waitFor(async () => (await call(scene, '/function/team-web')).body === word, {
      timeoutMs: 60_000,
      what: `the function to say ${word}`
    })
  await says('one')
  assert.equal((await repository.statuses(first))['slipway/stack']?.state, 'success')
  const [hook, ...others] = gitlab.deliveries().map(({ requestHeaders }) => requestHeaders)
  assert.deepEqual([typeof hook?.['webhook-signature'], hook?.['x-gitlab-token'], others], ['string', undefined, []])

  await repository.push({ 'web/handler.js': saying('two') })
  await says('two')
  assert.match(await connect(''), /its webhook is renewed/)
  await assert.rejects(connect(gitlab.createProjectToken(repository.hosted.id)), /goes by the token of slipway-bot/)
  const { items } = await scene.installation.api.listForges({ fresh: true })
  const health = items.find(({ kind }) => kind === 'gitlab')
  assert.deepEqual([health?.source, health?.mode, health?.problems], ['connected', 'webhooks', []])
})

test('the signing token of a webhook of GitLab is changed while pushes come, and no delivery is lost', async () => {
  const { gitlab } = scene
  const repository = await scene.repository({ forge: 'gitlab', owner: 'team', name: 'shop' })
  await repository.push({ 'stack.yml': stackOf({ shop: {} }), 'shop/handler.js': saying('one') })
  assert.match(await slipway(scene, ['connect', 'gitlab', 'team/shop']), /its webhook is made/)
  await gitlab.settled()
  const known = gitlab.deliveries().length
  const rotating = slipway(scene, ['admin', 'rotate', 'webhook-secret', 'gitlab'])
  let last = ''
  for (let i = 0; i < 6; i++) last = await repository.push({ 'shop/handler.js': saying(`secret ${i}`) })
  assert.match(await rotating, /the webhooks of team\/api, team\/shop have another secret; the former one is accepted/)
  last = await repository.push({ 'shop/handler.js': saying('with the new token') })
  assert.equal((await repository.ended(last)).status, 'live')
  await gitlab.settled()
  const since = gitlab.deliveries().slice(known)
  assert.ok(since.length >= 9, 'seven pushes, and each webhook was tried')
  assert.deepEqual(
    since.filter(({ status }) => status !== 'delivered').map(({ event, responseStatus }) => [event, responseStatus]),
    []
  )
})

test('a restart, and another encryption key, leave it connected', async () => {
  const { message } = await scene.installation.api.rotateEncryptionKey({})
  assert.match(message, /^[3-9]|\d\d values/)
  await scene.installation.stop()
  await scene.restart()
  // What a scene sets for who is configured by the environment.
  scene.github.removeWebhooks()
  const health = (await scene.installation.api.listForges({ fresh: true })).items.find((one) => one.kind === 'github')
  assert.equal(health?.source, 'connected')
  assert.equal(health?.app?.slug, 'slipway')
  assert.ok(
    health?.problems.some(({ what, fix }) => what === 'hook' && /set the address/.test(fix)),
    JSON.stringify(health)
  )
})
