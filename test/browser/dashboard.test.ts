import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@slipway/machine'
import type { Browser } from 'playwright-core'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'
import { seriousFaults, startBrowser, takePicture, visitAs, visitAsAdministrator } from './browser.ts'

const commandLine = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))

let scene: Scene
let browser: Browser
let repository: TestRepository
let first: string

before(async () => {
  scene = await createScene()
  browser = await startBrowser()
  scene.github.people.createUser('alice')
  scene.github.people.createUser('bob')
  repository = await scene.repository({ owner: 'alice' })
  first = await repository.push(
    { 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('version 1') },
    { message: 'Say hello' }
  )
  await repository.ended(first)
})
after(async () => {
  await browser.close()
  await scene.close()
})

test('the first view is there within a second, and asks nobody else for anything', async () => {
  const { page, context, complaints } = await visitAsAdministrator(browser, scene)
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).origin))
  await page.goto('/owners/alice', { waitUntil: 'commit' })
  await page.getByRole('link', { name: 'hello', exact: true }).waitFor()
  const tookMs = await page.evaluate<number>('performance.now()')
  console.log(`first view of an owner: ${Math.round(tookMs)} ms after the browser began, nothing kept from before`)
  assert.ok(tookMs < 5000, 'far from a second, even on a busy machine')
  assert.deepEqual([...new Set(asked)], [scene.installation.endpoints.api])
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a push shows up within a second without reload, goes live, a broken one shows its line, and a fix mends it', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice')
  await page.getByText('Live', { exact: true }).first().waitFor()
  await page.evaluate('window.isSamePage = true')

  const pushed = Date.now()
  const better = await repository.push({ 'hello/handler.js': saying('version 2') }, { message: 'Say it better' })
  await page.getByRole('link', { name: 'Say it better' }).first().waitFor({ timeout: 10_000 })
  console.log(`a push is seen ${Date.now() - pushed} ms after "git push" began`)
  await repository.ended(better)
  await page.locator('.function-row', { hasText: better.slice(0, 7) }).waitFor({ timeout: 60_000 })

  const broken = await repository.push(
    { 'stack.yml': `${stackOf({ hello: {} })}    handlr: typo\n` },
    { message: 'Break it' }
  )
  await repository.ended(broken)
  await page.getByRole('link', { name: /Last build failed/ }).click()
  await page.getByRole('heading', { name: 'Break it' }).waitFor()
  const line = page.getByRole('link', { name: /^stack\.yml:8:5$/ })
  assert.equal(await line.getAttribute('href'), `${repository.hosted.pageUrl}/blob/${broken}/stack.yml#L8`)
  // One click on what stands on the commit leads here.
  const { 'slipway/stack': report } = await repository.statuses(broken)
  assert.equal(new URL(report?.targetUrl ?? 'none:').pathname, new URL(page.url()).pathname)
  await page
    .getByRole('log')
    .getByText(/handlr/)
    .first()
    .waitFor()

  const fixed = await repository.push({ 'stack.yml': stackOf({ hello: {} }) }, { message: 'Mend it' })
  await repository.ended(fixed)
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.locator('.function-row', { hasText: fixed.slice(0, 7) }).waitFor({ timeout: 60_000 })
  await page.getByRole('link', { name: /Last build failed/ }).waitFor({ state: 'detached', timeout: 60_000 })
  assert.equal(await page.evaluate('window.isSamePage'), true)
  await context.close()
})

test('a rollback says what it does, is done by one click more, and resuming brings the head back', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/functions/hello/deployments')
  const row = page.locator('.deployment-row', { hasText: first.slice(0, 7) })
  await row.getByRole('button', { name: 'Roll back to this' }).click()
  const dialog = page.getByRole('dialog', { name: new RegExp(first.slice(0, 7)) })
  await dialog.getByText(/pushes do not deploy hello until somebody resumes it/).waitFor()
  await dialog.getByRole('button', { name: 'Roll back' }).click()
  // The function's own page says "Live", too: it is left once the rollback is taken.
  await page.waitForURL('**/builds/*')
  await page.locator('.page-head .status', { hasText: 'Live' }).waitFor({ timeout: 60_000 })

  await page.goto('/owners/alice/functions/hello/settings')
  await page.locator('.page-head .status', { hasText: 'Paused' }).waitFor()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.locator('.page-head .status', { hasText: 'Live' }).waitFor({ timeout: 60_000 })
  // It says so as soon as pushes deploy it again: the head goes live a little later.
  await waitFor(async () => (await call(scene, '/function/alice-hello')).body === 'version 2', {
    timeoutMs: 60_000,
    what: 'the head to be back'
  })
  await context.close()
})

test('two deployments are compared, and a request is tried from the page', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/functions/hello/deployments')
  const boxes = page.getByRole('checkbox')
  await boxes.nth(0).check()
  await boxes.last().check()
  await page.getByRole('rowheader', { name: 'commit' }).waitFor()

  await page.getByRole('link', { name: 'Try it' }).click()
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByLabel("The answer's body").getByText('version 2').waitFor()
  await context.close()
})

test('a token is shown once, works, and is refused once it is revoked', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/tokens')
  await page.getByLabel('Name').fill('laptop')
  await page.getByRole('button', { name: 'Make a token' }).click()
  const token = (await page.getByLabel('the token', { exact: true }).textContent()) ?? ''
  const ask = () =>
    fetch(`${scene.installation.endpoints.api}/api/v1/builds?owner=alice`, {
      headers: { authorization: `Bearer ${token}` }
    })
  assert.equal((await ask()).status, 200)
  await page.getByRole('button', { name: 'Done' }).click()
  assert.equal(await page.getByText(token).count(), 0)
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('No tokens').waitFor()
  assert.equal((await ask()).status, 401)
  await context.close()
})

test('people sign in with the account that they push with, and see what is theirs alone', async () => {
  const { page, context } = await visitAs(browser, scene, 'alice', '/owners/alice/functions/hello')
  await page.getByRole('heading', { level: 1, name: 'hello' }).waitFor()
  await context.close()

  const bob = await visitAs(browser, scene, 'bob', '/owners/alice/functions/hello')
  await bob.page.getByText('Not found').waitFor()
  for (const path of ['/owners/alice', '/owners/alice/secrets', '/owners/alice/tokens']) {
    await bob.page.goto(path)
    await bob.page.locator('.problem').first().waitFor()
    assert.equal(await bob.page.getByText('version 2').count(), 0)
    assert.equal(await bob.page.getByRole('link', { name: 'hello', exact: true }).count(), 0)
  }
  await bob.page.goto('/admin')
  await bob.page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  assert.equal(await bob.page.getByRole('link', { name: 'Administration' }).count(), 0)
  await bob.page.locator('.menu summary').click()
  await bob.page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await bob.page.getByRole('heading', { name: 'Sign in to Slipway' }).waitFor()
  await bob.context.close()
})

test('a command is let in by who signs in, and told no by who says so', async (t) => {
  const home = join(scene.directory, 'laptop')
  const login = () => {
    const args = ['login', scene.installation.endpoints.api, '--no-browser', '--scope', 'read']
    const env = { ...process.env, SLIPWAY_HOME: home, XDG_CONFIG_HOME: home }
    const command = spawn(process.execPath, [commandLine, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => command.kill())
    const printed = createInterface({ input: command.stdout })[Symbol.asyncIterator]()
    const nextLine = async () => String((await printed.next()).value)
    const address = async () => /http\S+\/terminal\S+/.exec(await nextLine())?.[0] ?? ''
    return { command, nextLine, address }
  }
  const context = await browser.newContext({ locale: 'en-GB' })
  const page = await context.newPage()

  const first = login()
  await page.goto(await first.address())
  await page.getByRole('link', { name: /^Sign in with/ }).click()
  await page.locator('button[name="sign_in_as"][value="alice"]').click()
  await page.getByText('you who just called').waitFor()
  assert.equal(await page.getByLabel('For the owner').inputValue(), 'alice')
  assert.deepEqual(await seriousFaults(page), [])
  await takePicture(page, 'terminal')
  await page.getByRole('button', { name: 'Let it in' }).click()
  await page.getByText('You are signed in').waitFor()
  assert.match(await first.nextLine(), /^signed in at \S+ as alice, for alice \(read\)/)

  const second = login()
  const ended = once(second.command, 'exit')
  await page.goto(await second.address())
  await page.getByRole('button', { name: 'No', exact: true }).click()
  await page.getByText('it was cancelled in the browser').waitFor()
  assert.deepEqual((await ended)[0], 1)
  await context.close()
})

test('who only reads is offered nothing that would be refused, and who writes what a writer may', async () => {
  const { id } = repository.hosted
  scene.github.people.setCollaborator(id, 'rita', 20)
  scene.github.people.setCollaborator(id, 'wes', 30)
  const { items } = await scene.installation.api.listBuilds({ owner: 'alice', limit: 1 })
  const paths = [
    '/owners/alice',
    `/builds/${items[0]?.id}`,
    '/owners/alice/functions/hello',
    '/owners/alice/functions/hello/deployments',
    `/owners/alice/repositories/${items[0]?.repositoryId}`
  ]
  const change = /^(Cancel|Build again|Build without cache|Roll back to this|Resume|Build it again|Save|Pause|Scale)$/
  const offered = async (login: string) => {
    const { page, context, see } = await visitAs(browser, scene, login, '/owners/alice')
    const found: string[] = []
    for (const path of paths) {
      await see(path)
      found.push(...(await page.getByRole('button', { name: change }).allTextContents()))
      found.push(...(await page.locator('.tabs a').allTextContents()))
    }
    // The address of what is not offered is refused in words.
    await page.goto('/owners/alice/variables')
    await page.locator('.problem').first().waitFor()
    await context.close()
    return new Set(found)
  }
  const reader = ['Overview', 'Builds', 'Repositories', 'Tokens', 'Deployments', 'Logs', 'Given up', 'Access']
  assert.deepEqual([...(await offered('rita'))].sort(), reader.sort())
  const writer = [...reader, 'Try it', 'Settings', 'Build again', 'Build without cache', 'Roll back to this']
  assert.deepEqual([...(await offered('wes'))].sort(), writer.sort())
})

test('what a build prints is text and colours, never markup', async () => {
  const { page, context, complaints } = await visitAsAdministrator(browser, scene)
  const commit = await repository.push(
    {
      'hello/handler.js': `${saying('loud')}\nconsole.log('\\u001b[31mred\\u001b[0m <img src=x onerror="window.isBroken=1">')\n`
    },
    { message: '<img src=x onerror="window.isBroken=1">' }
  )
  await repository.ended(commit)
  await page.goto('/owners/alice/functions/hello/logs')
  await page.getByRole('log').getByText('<img src=x', { exact: false }).first().waitFor()
  await page.locator('.ansi-red', { hasText: 'red' }).first().waitFor()
  await page.goto('/owners/alice')
  await page.getByRole('link', { name: '<img src=x' }).first().waitFor()
  assert.equal(await page.evaluate('window.isBroken'), undefined)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a page whose first question finds nobody asks again by itself', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.route('**/api/v1/me', (route) => route.abort(), { times: 1 })
  await page.goto('/owners/alice')
  await page.getByRole('alert').getByText('No connection').waitFor()
  await page.getByRole('heading', { level: 1, name: 'alice' }).waitFor()
  await context.close()
})

test('a lost connection comes back by itself and misses nothing', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice')
  await page.locator('.connection.is-open').waitFor()
  await scene.installation.stop()
  await page.locator('.connection.is-lost').waitFor()
  const commit = await repository.push({ 'hello/handler.js': saying('while nobody listened') }, { message: 'Unheard' })
  await scene.restart()
  await page.locator('.connection.is-open').waitFor({ timeout: 60_000 })
  // Its webhook was lost as well: the head is asked.
  await page
    .getByRole('link', { name: commit.slice(0, 7) })
    .or(page.getByText(commit.slice(0, 7)))
    .first()
    .waitFor({ timeout: 60_000 })
  await context.close()
})
