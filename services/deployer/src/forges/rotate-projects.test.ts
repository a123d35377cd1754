import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type ForgeApp } from '@slipway/domain'
import type { GitLabHooks, WantedHook } from '@slipway/forge'
import { createStore } from '@slipway/store'
import { never } from '../deployer.fixture.ts'
import { createForgeCredentials } from './credentials.ts'
import { createRotateProjects } from './rotate-projects.ts'

const app: ForgeApp = {
  forgeId: 'gitlab',
  kind: 'gitlab',
  baseUrl: 'https://gitlab.test',
  apiUrl: 'https://gitlab.test/api/v4',
  appId: '1',
  slug: 'bot',
  htmlUrl: 'https://gitlab.test/bot',
  ownerLogin: 'bot',
  isOrganization: false,
  clientId: null,
  isHookActive: true,
  createdAt: 1
}
const first = { signing: 'whsec_first', plain: 'plain' }
const dayMs = 24 * 3600_000

/** Projects by number: what their webhooks sign with, and what keeps them from being changed or delivering. */
function createProjects() {
  const hooks = new Map<string, string>()
  const trouble = new Map<string, Failure | string>()
  const api: Pick<GitLabHooks, 'change' | 'test'> = {
    async change(project: string, { signingToken, url }: WantedHook) {
      assert.equal(url, 'https://slipway.test/webhooks/gitlab')
      const wrong = trouble.get(project)
      if (wrong instanceof Failure) throw wrong
      if (!hooks.has(project)) return null
      hooks.set(project, signingToken)
      return { id: Number(project) }
    },
    async test(project) {
      const wrong = trouble.get(project)
      return typeof wrong === 'string' ? wrong : null
    }
  }
  return { hooks, trouble, api }
}

async function createScene(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-rotation-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true })
  })
  let time = 1_000_000_000_000
  const now = () => time
  const plainly = {
    encrypt: async (text: Uint8Array) => ({ ciphertext: Buffer.from(text).toString('base64'), keyId: 'none' }),
    decrypt: async (text: string) => Buffer.from(text, 'base64')
  }
  const encryptions = { 'private-key': plainly, 'access-token': plainly, webhook: plainly, 'sign-in': plainly }
  const credentials = createForgeCredentials({ store, encryptions, now })
  await credentials.keepToken(app, { accessToken: 'glpat', tokens: first }, null)
  const projects = createProjects()
  for (const id of ['1', '2', '3']) {
    const found = {
      name: `p${id}`,
      fullName: `team/p${id}`,
      defaultBranch: 'main',
      isPrivate: true,
      installationId: null
    }
    const owner = { forgeOwnerId: '9', login: 'team' }
    await store.repositories.connect('gitlab', { forgeRepositoryId: id, ...found, owner }, now())
    // The third is connected by something else than a webhook of its own.
    if (id !== '3') projects.hooks.set(id, first.signing)
  }
  const rotate = createRotateProjects({
    store,
    credentials,
    addresses: { pages: undefined, receiver: 'https://slipway.test' },
    changed: () => {},
    hooksOf: () => projects.api,
    settleMs: 0
  })
  /** What receivers take. */
  const accepted = async () =>
    (await store.forgeApps.secrets('webhook', now())).map(({ ciphertext }) =>
      Buffer.from(ciphertext, 'base64').toString()
    )
  return { ...projects, credentials, rotate, accepted, pass: (ms: number) => (time += ms) }
}

test('each webhook that is there signs with another token, and the former one is taken for another day', async (t) => {
  const { rotate, hooks, accepted, credentials, pass } = await createScene(t)
  pass(1)
  assert.deepEqual(await rotate(app, never), { projects: ['team/p1', 'team/p2'], problems: [] })
  const tokens = await credentials.webhookTokens('gitlab')
  assert.deepEqual(
    [...hooks],
    [
      ['1', tokens?.signing],
      ['2', tokens?.signing]
    ]
  )
  assert.notEqual(tokens?.signing, first.signing)
  const isTaken = async (text = '') => (await accepted()).includes(text)
  assert.ok((await isTaken(first.signing)) && (await isTaken(tokens?.signing)) && (await isTaken(tokens?.plain)))
  pass(dayMs)
  assert.deepEqual([await isTaken(first.signing), await isTaken(first.plain)], [false, false])
  assert.ok((await isTaken(tokens?.signing)) && (await isTaken(tokens?.plain)))
})

for (const [name, wrong] of [
  ['could not be changed', new Failure('forbidden', 'GitLab forbids it')],
  ['was changed, and does not deliver', 'Hook execution failed: 401']
] as const) {
  test(`while a webhook ${name}, the former token is taken for as long as it needs; then it is not`, async (t) => {
    const { rotate, accepted, trouble, pass } = await createScene(t)
    pass(1)
    trouble.set('2', wrong)
    const { projects, problems } = await rotate(app, never)
    assert.deepEqual(projects, ['team/p1'])
    assert.match(problems.map(({ message }) => message).join(), new RegExp(`^the webhook of team/p2 ${name}: `))
    pass(30 * dayMs)
    assert.ok((await accepted()).includes(first.signing))
    trouble.clear()
    assert.deepEqual(await rotate(app, never), { projects: ['team/p1', 'team/p2'], problems: [] })
    pass(dayMs)
    assert.equal((await accepted()).includes(first.signing), false)
    assert.equal((await accepted()).length, 2)
  })
}

test('a GitLab that cannot reach this installation has no webhook to change, and nothing new is kept', async (t) => {
  const { accepted, credentials } = await createScene(t)
  const unreached = createRotateProjects({
    store: { repositories: null as never },
    credentials,
    addresses: { pages: undefined, receiver: undefined },
    changed: () => {},
    hooksOf: () => createProjects().api,
    settleMs: 0
  })
  await assert.rejects(unreached(app, never), { code: 'conflict' })
  assert.equal((await accepted()).length, 2)
})
