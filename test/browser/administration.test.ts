import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import type { RouteOutput } from '@slipway/client'
import { startInstallation } from '@slipway/demo'
import { waitFor } from '@slipway/machine'
import type { Browser } from 'playwright-core'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'
import { seriousFaults, startBrowser, takePicture, visitAsAdministrator } from './browser.ts'

let scene: Scene
let browser: Browser
let repository: TestRepository

before(async () => {
  // Nothing of GitHub in the environment, and of GitLab only where it is: they are connected from the page.
  scene = await createScene({ NOTIFY_LOOPBACK: 'on' }, ({ home, env }) =>
    startInstallation({
      home,
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !/^GITHUB_|^GITLAB_(?:TOKEN|WEBHOOK)/.test(name)))
    })
  )
  browser = await startBrowser()
  scene.gitlab.removeWebhooks()
  repository = await scene.repository({ forge: 'gitlab', owner: 'alice', name: 'shop' })
  const files = { 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('hello') }
  const commit = await repository.push(files)
  await connectProject('alice/shop', scene.gitlab.accessToken)
  await repository.ended(commit)
})
after(async () => {
  await browser.close()
  await scene.close()
})

/** From the page, with the token that is kept already or with this one. */
async function connectProject(project: string, token: string | null): Promise<void> {
  const { page, context, complaints } = await visitAsAdministrator(browser, scene)
  await page.goto('/admin/forges')
  const title = token === null ? 'Connect another project of GitLab' : 'Connect GitLab'
  const section = page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) })
  await section.getByLabel('Project, by its whole path').fill(project)
  if (token !== null) await section.getByLabel('Token', { exact: true }).fill(token)
  assert.equal(await section.getByLabel('Token', { exact: true }).count(), token === null ? 0 : 1)
  await section.getByRole('button', { name: 'Connect the project' }).click()
  await page
    .getByRole('status')
    .filter({ hasText: `${project} is known by the token of` })
    .waitFor({ timeout: 60_000 })
  await page.getByText('GitLab tried it, and the delivery came.').waitFor()
  await takePicture(page, 'admin-forges-gitlab')
  assert.deepEqual(await seriousFaults(page), [])
  assert.deepEqual(complaints, [])
  await context.close()
}

test('another project of GitLab is connected from the page with the token that is kept', async () => {
  const other = await scene.repository({ forge: 'gitlab', owner: 'alice', name: 'other' })
  const commit = await other.push({ 'stack.yml': stackOf({ more: {} }), 'more/handler.js': saying('more') })
  await connectProject('alice/other', null)
  assert.equal((await other.ended(commit)).status, 'live')
})

test('automatic deploys are switched off in the page: a push waits there until somebody deploys it', async () => {
  const hosted = await scene.installation.api.listRepositories({ owner: 'alice' })
  const one = hosted.items.find(({ fullName }) => fullName === 'alice/shop')
  const { page, context, complaints, see } = await visitAsAdministrator(browser, scene)
  await see(`/owners/alice/repositories/${one?.id}`)
  await page.getByLabel(/^Deploy pushes by themselves/).uncheck()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved.').first().waitFor()
  const commit = await repository.push({ 'hello/handler.js': saying('asked for') })
  const left = await repository.ended(commit)
  assert.deepEqual([left.status, left.reason], ['skipped', 'automatic deploys are off'])
  await page.getByText('is not live, because automatic deploys are off').waitFor({ timeout: 60_000 })
  await page
    .locator('.build-row', { hasText: 'Skipped' })
    .filter({ hasText: 'automatic deploys are off' })
    .first()
    .waitFor()
  await takePicture(page, 'repository-left-out')
  assert.deepEqual(await seriousFaults(page), [])
  await page.getByRole('button', { name: 'Deploy it' }).click()
  await page.waitForURL(/\/builds\//)
  const asked = await scene.ended(page.url().split('/').at(-1) ?? '')
  assert.deepEqual([asked.status, asked.trigger, asked.commit], ['live', 'rebuild', commit])
  await scene.installation.api.updateRepository({ id: one?.id ?? '', isAutomatic: true })
  assert.deepEqual(complaints, [])
  await context.close()
})

test('GitHub is connected from the page, which tells how far it is until pushes are heard of', async () => {
  scene.github.removeWebhooks()
  await scene.github.createRepository({ owner: 'dev', name: 'shop', isPrivate: true, isInstalled: false })
  const { page, context, complaints } = await visitAsAdministrator(browser, scene)
  await page.goto('/admin/forges')
  await page.getByLabel('An Enterprise Server’s address').fill(scene.github.url)
  await page.getByRole('button', { name: 'Connect GitHub' }).click()
  const [forge] = await Promise.all([
    context.waitForEvent('page'),
    page.getByRole('link', { name: 'Continue at GitHub' }).click()
  ])
  await forge.getByRole('button', { name: /^Continue to/ }).click()
  await forge.getByRole('button', { name: 'Create App' }).click()
  await page.locator('.steps li', { hasText: 'The App is made' }).getByText('Done').waitFor()
  // What the forge said before is not shown for long while somebody installs it.
  await page.waitForResponse(async (answer) => {
    if (!answer.url().endsWith('/api/v1/forges') || !answer.ok()) return false
    const { items } = (await answer.json()) as RouteOutput<'listForges'>
    return items.some(({ app, installations }) => app !== null && installations.length === 0)
  })
  await takePicture(page, 'admin-forges-connecting')
  assert.deepEqual(await seriousFaults(page), [])
  await forge.locator('.card', { hasText: 'dev' }).getByRole('button', { name: 'Install' }).click()
  await forge.getByRole('heading', { name: 'The App is installed' }).waitFor()
  await page.locator('.steps li', { hasText: 'It is installed' }).getByText('Done').waitFor({ timeout: 60_000 })
  await page.locator('.steps li', { hasText: 'Pushes are heard of' }).getByText('Done').waitFor({ timeout: 60_000 })
  assert.deepEqual(complaints, [])
  await context.close()
})

test('who may call a function is set in the page, a key is shown once, opens it, and does not once it is revoked', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/functions/hello/access')
  await page.getByRole('combobox', { name: /^May call/ }).selectOption('who has a key')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.locator('.standing', { hasText: 'set here' }).waitFor()
  const path = '/function/alice-hello'
  const answers = (status: number, key?: string) =>
    waitFor(
      async () =>
        (await call(scene, path, { headers: key === undefined ? {} : { 'x-api-key': key } })).status === status,
      {
        timeoutMs: 30_000,
        what: `the function to answer ${status}`
      }
    )
  await answers(401)
  await page.getByLabel('Name', { exact: true }).fill('partner')
  await page.getByRole('button', { name: 'Make a key' }).click()
  const key = (await page.getByLabel('the key', { exact: true }).textContent()) ?? ''
  await answers(200, key)
  await page.getByRole('button', { name: 'Done' }).click()
  assert.equal(await page.getByText(key).count(), 0)
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke it' }).click()
  await page.getByText('No keys').waitFor()
  await answers(401, key)
  await page.getByRole('combobox', { name: /^May call/ }).selectOption('everybody')
  await page.getByRole('button', { name: 'Save' }).click()
  await answers(200)
  await context.close()
})

test('an owner’s webhook is added with its secret shown once, and a test says whether it arrived', async (t) => {
  const signatures: unknown[] = []
  const listener = createServer((request, response) => {
    signatures.push(request.headers['webhook-signature'])
    response.writeHead(signatures.length === 1 ? 204 : 500).end()
  })
  t.after(() => listener.close())
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const port = typeof address === 'object' ? address?.port : 0
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/notifications')
  await page.getByLabel('Address', { exact: true }).fill(`http://127.0.0.1:${port}/hook`)
  await page.getByRole('button', { name: 'Tell it' }).click()
  const secret =
    (await page.getByLabel('the secret that messages are signed with', { exact: true }).textContent()) ?? ''
  assert.match(secret, /^whsec_/)
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText(/took the message/).waitFor()
  assert.match(String(signatures[0]), /^v1,/)
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Tell it no more' }).click()
  await page.getByText('Nobody is told').waitFor()
  await context.close()
})

test('an owner is suspended with a reason that is shown, and goes on', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/admin/owners')
  const row = page.locator('.row', { hasText: 'alice at gitlab' })
  await row.getByRole('button', { name: 'Suspend' }).click()
  await page.getByRole('dialog').getByLabel(/^Why/).fill('it mines coins')
  await page.getByRole('dialog').getByRole('button', { name: 'Suspend it' }).click()
  await row.getByText('it mines coins').waitFor()
  await row.getByRole('button', { name: 'Let it go on' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Let it go on' }).click()
  await row.getByText('it mines coins').waitFor({ state: 'detached' })
  await context.close()
})

test('an owner’s limits are set beside what it has, and go back to what everybody may have', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/admin/owners')
  await page.locator('.row', { hasText: 'alice at gitlab' }).getByRole('link', { name: 'Limits' }).click()
  const which = page.getByRole('combobox', { name: 'functions: which limit' })
  await which.selectOption('set for it')
  await page.getByRole('spinbutton', { name: 'functions: at most' }).fill('7')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('From now on these limits hold for alice.').waitFor()
  // The form is made anew of what holds now: what is chosen before that is lost.
  await page.getByRole('button', { name: 'Save', disabled: true }).waitFor()
  await page.getByRole('meter', { name: 'Used of functions' }).waitFor()
  const limitsOf = async () => (await scene.installation.api.getLimits({ owner: 'alice' })).own
  assert.deepEqual(await limitsOf(), { functions: 7 })
  await which.selectOption('default')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('meter', { name: 'Used of functions' }).waitFor({ state: 'detached' })
  await waitFor(async () => Object.keys(await limitsOf()).length === 0, {
    timeoutMs: 20_000,
    what: 'the limit to be as for everybody'
  })
  await context.close()
})

test('a repository’s page says how pushes are heard of, and the audit log is narrowed to what was done there', async () => {
  const { page, context } = await visitAsAdministrator(browser, scene)
  await page.goto('/owners/alice/repositories')
  await page.locator('.row a.strong').first().click()
  await page.getByRole('region', { name: 'Health' }).getByText('its forge delivers them').waitFor()
  await page.getByLabel('Stack file').fill('deploy/stack.yml')
  await page.getByRole('combobox', { name: /^May call/ }).selectOption('who has a key')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText(/^Saved/).waitFor()
  const { items } = await scene.installation.api.listRepositories({ owner: 'alice' })
  assert.deepEqual([items[0]?.stackPath, items[0]?.access], ['deploy/stack.yml', 'token'])

  await page.goto('/owners/alice/audit')
  await page.getByRole('link', { name: 'set repository' }).first().click()
  await page.getByRole('link', { name: 'Any action again' }).waitFor()
  await page.getByRole('link', { name: 'set access' }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Any action again' }).click()
  await page.getByRole('link', { name: 'set access' }).first().waitFor()
  await context.close()
})
