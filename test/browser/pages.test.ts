import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'
import { seriousFaults, startBrowser, takePicture, visitAsAdministrator } from './browser.ts'

let scene: Scene
let browser: Browser
let repository: TestRepository
let paths: Record<string, string>

/** Due once a year: nobody is called while the tests run. */
const yearly = ['  topic: cron-function', '  schedule: "0 3 1 1 *; 30 12 1 1 1-5"']
/** A call that nobody waits for is given up at its first failure. */
const triedOnce = ['  com.openfaas.retry.attempts: "1"']
const handler = `module.exports = async (event, context) =>
  event.path.startsWith('/broken') ? context.status(500).succeed('no') : context.status(200).succeed('hello')
`

before(async () => {
  scene = await createScene()
  browser = await startBrowser()
  repository = await scene.repository({ owner: 'alice' })
  const files = { 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': handler }
  const live = await repository.ended(await repository.push(files, { message: 'Say hello' }))
  const mistake = { 'stack.yml': `${stackOf({ hello: {} })}    handlr: typo\n` }
  const failed = await repository.ended(await repository.push(mistake, { message: 'Break it' }))
  const again = await repository.push({
    'stack.yml': stackOf({ hello: { more: ['environment:', '  MODE: fast', 'annotations:', ...yearly, ...triedOnce] } })
  })
  await repository.ended(again)
  const { api } = scene.installation
  await api.addOwner({ slug: 'newcomer' })
  await api.changeVariables({ owner: 'alice', use: 'runtime', set: { GREETING: 'hello' } })
  await api.putSecret({ owner: 'alice', name: 'database', values: { password: 'not shown' } })
  await api.createToken({ owner: 'alice', name: 'ci', scope: 'deploy', expiresInDays: 30 })
  for (const path of ['/broken/orders', '/broken/mails']) {
    assert.equal((await call(scene, `/async-function/alice-hello${path}`, { method: 'POST', body: '{}' })).status, 202)
  }
  await waitFor(async () => (await givenUp()).length === 2, { timeoutMs: 60_000, what: 'two calls to be given up' })
  const { items } = await api.listDeployments({ owner: 'alice', name: 'hello' })
  const two = items.slice(0, 2).map(({ id }) => id)
  paths = {
    home: '/',
    overview: '/owners/alice',
    'overview-empty': '/owners/newcomer',
    builds: '/owners/alice/builds',
    'build-live': `/builds/${live.id}`,
    'build-failed': `/builds/${failed.id}`,
    function: '/owners/alice/functions/hello',
    deployments: `/owners/alice/functions/hello/deployments?compare=${two.join(',')}`,
    logs: '/owners/alice/functions/hello/logs',
    'given-up': '/owners/alice/functions/hello/given-up',
    try: '/owners/alice/functions/hello/try',
    environment: '/owners/alice/functions/hello/environment',
    access: '/owners/alice/functions/hello/access',
    settings: '/owners/alice/functions/hello/settings',
    repositories: '/owners/alice/repositories',
    repository: `/owners/alice/repositories/${live.repositoryId}`,
    variables: '/owners/alice/variables',
    secrets: '/owners/alice/secrets',
    tokens: '/owners/alice/tokens',
    notifications: '/owners/alice/notifications',
    audit: '/owners/alice/audit',
    admin: '/admin',
    'admin-queue': '/admin/queue',
    'admin-running': '/admin/running',
    'admin-owners': '/admin/owners',
    'admin-owner': '/admin/owners/alice',
    'admin-forges': '/admin/forges',
    'admin-notifications': '/admin/notifications',
    'admin-audit': '/admin/audit',
    docs: '/docs',
    missing: '/nothing'
  }
})
after(async () => {
  await browser.close()
  await scene.close()
})

const givenUp = async () => (await scene.installation.api.listGivenUpCalls({ owner: 'alice', state: 'failed' })).items

const looks: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true }
}

/** How much a page is wider than its window, and what reaches beyond it. */
const beyondWindow = `({
  px: document.documentElement.scrollWidth - innerWidth,
  what: [...document.querySelectorAll('body *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => one.tagName + '.' + one.className + ' ' + one.textContent.slice(0, 40))
    .slice(-3)
    .join(', ')
})`

for (const [look, options] of Object.entries(looks)) {
  test(`every page is well made in ${look}: axe finds nothing serious, nothing is wider than the window`, async () => {
    const { page, context, complaints, see } = await visitAsAdministrator(browser, scene, options)
    const faults: string[] = []
    const door = await browser.newPage({ baseURL: scene.installation.endpoints.api, ...options })
    for (const name of ['sign-in', 'claim']) {
      await door.goto(`/${name}`)
      await door.getByRole('heading', { level: 1 }).waitFor()
      if (name === 'sign-in') await door.getByRole('link', { name: /^Continue with/ }).waitFor()
      await takePicture(door, `${name}-${look}`)
      faults.push(...(await seriousFaults(door)).map((fault) => `${name}: ${fault}`))
    }
    await door.close()
    for (const [name, path] of Object.entries(paths)) {
      await see(path)
      await takePicture(page, `${name}-${look}`)
      faults.push(...(await seriousFaults(page)).map((fault) => `${name}: ${fault}`))
      const { px, what } = await page.evaluate<{ px: number; what: string }>(beyondWindow)
      if (px > 0) faults.push(`${name}: ${px} px wider than the window: ${what}`)
    }
    assert.deepEqual(faults, [])
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

interface Stop {
  what: string
  isOutlined: boolean
  isSeen: boolean
  isAfter: boolean
}

/** What stands where the focus is: how it looks, whether something covers it, and whether it comes after the one before. */
const focusedThere = `(() => {
  const one = document.activeElement
  const before = window.lastFocused
  window.lastFocused = one
  const { left, top, width, height } = one.getBoundingClientRect()
  const { outlineStyle, outlineWidth } = getComputedStyle(one)
  const over = document.elementFromPoint(left + Math.min(width, 40) / 2, top + Math.min(height, 20) / 2)
  return {
    what: one.tagName + ' ' + (one.getAttribute('aria-label') ?? one.textContent).slice(0, 40),
    isOutlined: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
    isSeen: over !== null && (one.contains(over) || over.contains(one)),
    isAfter: before === undefined || (before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
  }
})()`

for (const name of ['sign-in', 'overview', 'deployments', 'settings', 'tokens']) {
  test(`the keyboard goes through the page ${name} from its beginning to its end, and one sees where it is`, async () => {
    const { page, context, see } = await visitAsAdministrator(browser, scene)
    if (name === 'sign-in') await context.clearCookies()
    await see(paths[name] ?? '/')
    const stops: Stop[] = []
    for (;;) {
      await page.keyboard.press('Tab')
      if (
        await page.evaluate<boolean>(
          'document.activeElement === document.body || window.lastFocused?.isSameNode(document.activeElement) === true'
        )
      )
        break
      const stop = await page.evaluate<Stop>(focusedThere)
      if (!stop.isAfter) break
      stops.push(stop)
    }
    const reachable = await page.evaluate<number>(
      `[...document.querySelectorAll('a[href], button:enabled, input:enabled, select, textarea, summary, [tabindex="0"]')]
        .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.closest('dialog:not([open])') === null).length`
    )
    assert.deepEqual(
      stops.filter(({ isOutlined, isSeen }) => !isOutlined || !isSeen),
      []
    )
    assert.equal(stops.length, reachable, stops.map(({ what }) => what).join('\n'))
    await context.close()
  })
}

test('who uses the keyboard alone gets past the navigation and to what a page is about', async () => {
  const { page, context, see } = await visitAsAdministrator(browser, scene)
  await see('/owners/alice')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('location.hash'), '#main')
  const link = page.getByRole('link', { name: 'hello', exact: true })
  await link.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'hello' }).waitFor()
  await context.close()
})

test('a page says in its title and above whose it is, also a build in a tab that was at another owner', async () => {
  const { page, context, see } = await visitAsAdministrator(browser, scene)
  const titled = (title: string) =>
    waitFor(async () => (await page.title()) === title, { timeoutMs: 60_000, what: title })
  await see('/owners/newcomer/builds')
  await titled('Builds · newcomer · Slipway')
  await see(paths['build-failed'] ?? '/')
  await page.getByRole('navigation', { name: 'Pages of alice' }).waitFor()
  await titled('Break it · alice · Slipway')
  assert.equal(await page.locator('.crumb').textContent(), 'Aalice')
  await context.close()
})

test("a function's page says when it is called by its schedule, each expression on a line of its own", async () => {
  const { page, context, see } = await visitAsAdministrator(browser, scene, looks.phone)
  await see(paths.function ?? '/')
  const section = page.locator('section', { has: page.getByRole('heading', { name: 'Schedule', exact: true }) })
  assert.deepEqual(await section.locator('li').allTextContents(), ['0 3 1 1 *', '30 12 1 1 1-5'])
  const facts = (await section.locator('dd').allTextContents()).slice(1)
  assert.match(facts[0] ?? '', /^in \d+ /)
  assert.deepEqual(facts.slice(1), ['never yet', 'left out'])
  await context.close()
})

/** What the page hears of a build's log: lines of which some are wider than any window. */
const longLog = Array.from({ length: 300 }, (_, index) => {
  const text = `line ${index + 1}${' and so on'.repeat(index % 10 === 9 ? 80 : 0)}`
  const chunk = { seq: index + 1, at: 1, step: 'build', functionName: 'hello', stream: 'stdout', text }
  return `id: ${chunk.seq}\ndata: ${JSON.stringify(chunk)}\n\n`
})

for (const [name, end] of [
  ['build-failed', 'end'],
  ['build-live', 'beginning']
] as const) {
  test(`a long log is opened at its ${end}: ${name}`, async () => {
    for (const look of [looks.light, looks.phone]) {
      const { page, context, see } = await visitAsAdministrator(browser, scene, look)
      const body = `${longLog.join('')}event: end\ndata: {}\n\n`
      await page.route('**/log?follow=true*', (route) => route.fulfill({ contentType: 'text/event-stream', body }))
      await see(paths[name] ?? '/')
      const log = page.getByRole('log', { name: 'Log' })
      await log.getByText(/^line 300/).waitFor({ state: 'attached' })
      await page.getByText('300 lines', { exact: true }).waitFor()
      const box = () =>
        log.evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({ scrollTop, scrollHeight, clientHeight }))
      const isThere = async () => {
        const { scrollTop, scrollHeight, clientHeight } = await box()
        assert.ok(scrollHeight > 5 * clientHeight, 'it is longer than its box')
        return end === 'beginning' ? scrollTop === 0 : scrollHeight - clientHeight - scrollTop < 2
      }
      await waitFor(isThere, { timeoutMs: 30_000, what: `the log to be at its ${end}` })
      await context.close()
    }
  })
}

test('what somebody asked to see of a list stays, in its order, when more comes at its beginning', async () => {
  const { api } = scene.installation
  const hello = { owner: 'alice', name: 'hello' }
  const pauseAndResume = async () => {
    await api.pauseFunction(hello)
    assert.equal((await api.resumeFunction(hello)).build, null)
  }
  for (let i = 0; i < 60; i++) await pauseAndResume()
  const { page, context, see } = await visitAsAdministrator(browser, scene)
  await see(paths.audit ?? '/')
  const times = () =>
    page
      .locator('.rows time')
      .evaluateAll((found) => found.map((one) => (one as unknown as { dateTime: string }).dateTime))
  const shown = (count: number) =>
    waitFor(async () => (await times()).length === count, { timeoutMs: 60_000, what: `${count} entries` })
  await shown(50)
  await page.getByRole('button', { name: 'Show older ones' }).click()
  await shown(100)
  const former = await times()
  await pauseAndResume()
  await shown(102)
  assert.deepEqual((await times()).slice(2), former)
  await page.getByRole('button', { name: 'Show older ones' }).click()
  await waitFor(async () => (await times()).length > 120, { timeoutMs: 60_000, what: 'what comes after them' })
  const all = await times()
  assert.deepEqual(all, all.toSorted().toReversed())
  assert.deepEqual(all.slice(2, 102), former)
  await context.close()
})

test('calls that were given up say why, and each is tried again, or discarded after a question', async () => {
  const { page, context, see } = await visitAsAdministrator(browser, scene)
  await see(paths.function ?? '/')
  await page.getByText('2 calls were given up').waitFor()
  await page.getByRole('link', { name: 'See why, and try again' }).click()
  const row = (path: string) => page.locator('.call-row', { hasText: `POST ${path}` })
  const [orders] = (await givenUp()).filter(({ path }) => path === '/broken/orders')
  await row('/broken/orders').getByText('the function answered 500, after one try').waitFor()
  await row('/broken/orders').getByText(`tried once · 2 B · call ${orders?.callId}`).waitFor()

  await row('/broken/orders').getByRole('button', { name: 'Try again' }).click()
  await page.getByText('POST /broken/orders is made again, with all its tries.').waitFor()
  const isTriedAgain = async () =>
    (await givenUp()).some(({ id, givenUpAt }) => id === orders?.id && (givenUpAt ?? 0) > (orders.givenUpAt ?? 0))
  await waitFor(isTriedAgain, { timeoutMs: 60_000, what: 'the call to fail again' })

  await row('/broken/mails').getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('dialog', { name: 'Discard POST /broken/mails?' }).getByText('is gone').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Keep it as it is' }).click()
  assert.equal((await givenUp()).length, 2)
  for (const path of ['/broken/mails', '/broken/orders']) {
    await row(path).getByRole('button', { name: 'Discard' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Discard it' }).click()
    await row(path).waitFor({ state: 'detached' })
  }
  await page.getByText('No call was given up').waitFor()
  assert.deepEqual(await givenUp(), [])
  assert.deepEqual(await seriousFaults(page), [])
  await context.close()
})

test("a build's page says what it waits for, and leads there", async () => {
  const { api } = scene.installation
  const buildOf = async (commit: string) => {
    const found = async () => (await api.listBuilds({ commit })).items[0]
    return waitFor(found, { timeoutMs: 60_000, what: `a build of ${commit}` })
  }
  const slow = { name: 'hello', version: '1.0.0', scripts: { test: 'sleep 1000' } }
  const first = await buildOf(await repository.push({ 'hello/package.json': JSON.stringify(slow) }))
  // One that has not begun gives way to the next.
  const hasBegun = async () => (await api.getBuild({ id: first.id })).status === 'building'
  await waitFor(hasBegun, { timeoutMs: 60_000, what: 'the first build to begin' })
  const next = await buildOf(await repository.push({ 'hello/handler.js': saying('next') }, { message: 'Wait' }))
  const { page, context, complaints } = await visitAsAdministrator(browser, scene, looks.phone)
  await page.goto(`/builds/${next.id}`)
  await page.getByText('It waits: an earlier build of its branch comes first.').waitFor()
  await takePicture(page, 'build-waiting-phone')
  assert.deepEqual(await seriousFaults(page), [])
  const { px, what } = await page.evaluate<{ px: number; what: string }>(beyondWindow)
  assert.ok(px <= 0, what)
  await page.getByRole('link', { name: 'an earlier build of its branch comes first' }).click()
  await page.waitForURL(`**/builds/${first.id}`)
  assert.deepEqual(complaints, [])
  await context.close()
  for (const { id } of [next, first]) await api.cancelBuild({ id })
  for (const { id } of [next, first]) assert.equal((await scene.ended(id)).status, 'cancelled')
})
