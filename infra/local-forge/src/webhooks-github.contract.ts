import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { createWorkingCopy, type Received, startGitHub, startReceiver } from './local-forge.fixture.ts'

const secret = 'a secret of more than sixteen characters'
const zero = '0'.repeat(40)

type Json = Record<string, unknown>
const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as { name: string; examples: Json[] }[]

function example(event: string, fits: (payload: Json) => boolean = () => true): Json {
  const found = examples.find(({ name }) => name === event)?.examples.find(fits)
  assert.ok(found)
  return found
}

/** Every field of GitHub's own payload that ours lacks or that has another type, by path. null fits everything. */
function deviations(given: unknown, model: unknown, path = ''): string[] {
  if (given === null || model === null) return []
  if (Array.isArray(model)) {
    if (!Array.isArray(given)) return [`${path} is no list`]
    return model.length === 0 || given.length === 0 ? [] : deviations(given[0], model[0], `${path}[0]`)
  }
  // Which permissions and events there are is the App's choice.
  if (path.endsWith('.permissions')) return []
  if (typeof model !== typeof given) return [`${path} is ${typeof given}, not ${typeof model}`]
  if (typeof model !== 'object') return []
  return Object.entries(model as Json).flatMap(([key, value]) =>
    key in (given as Json) ? deviations((given as Json)[key], value, `${path}.${key}`) : [`${path}.${key} is missing`]
  )
}

const eventOf = ({ headers, json }: Received) => [headers['x-github-event'], json.action].filter(Boolean).join('.')

test('a push is told with its signature, its numeric ids and every field that GitHub sends', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl, owner } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const commit = await copy.commit('Grüße <script>\n\nand more', { 'a.txt': 'a', 'ü.txt': 'u' })
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()

  const [delivery] = receiver.received
  assert.ok(delivery)
  assert.equal(receiver.received.length, 1)
  const { headers, body, json } = delivery
  assert.equal(headers['x-hub-signature-256'], `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  assert.equal(headers['x-github-event'], 'push')
  assert.match(String(headers['x-github-delivery']), /^[0-9a-f-]{36}$/)
  assert.equal(headers['x-github-hook-installation-target-type'], 'integration')
  assert.equal(headers['content-type'], 'application/json')

  const model = example('push', (payload) => (payload.commits as unknown[]).length > 0 && 'installation' in payload)
  const unofficial = ['.commits[0].author.username', '.commits[0].committer.username', '.head_commit.author.username']
  assert.deepEqual(
    deviations(json, model).filter(
      (path) => !unofficial.some((name) => path.startsWith(name)) && !path.includes('committer.username')
    ),
    []
  )
  assert.equal(json.ref, 'refs/heads/main')
  assert.equal(json.before, zero)
  assert.equal(json.after, commit)
  assert.deepEqual([json.created, json.deleted, json.forced], [true, false, false])
  const repository = json.repository as Json & { owner: Json }
  assert.deepEqual([repository.id, repository.full_name, repository.private], [id, 'acme/hello', true])
  assert.equal(repository.owner.id, owner.id)
  assert.equal((json.installation as Json).id, forge.installationOf('acme')?.id)
  assert.deepEqual([(json.sender as Json).login, (json.sender as Json).id], ['developer', forge.developer.id])
  const head = json.head_commit as Json
  assert.deepEqual(
    (json.commits as Json[]).map(({ id }) => id),
    [commit]
  )
  assert.equal(head.message, 'Grüße <script>\n\nand more')
  assert.deepEqual(head.added, ['a.txt', 'ü.txt'])
})

test('the sender is whoever pushed with their own token, whatever the commit says', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { id } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const grace = forge.createDeveloper('grace')
  await copy.commit('by Ada')
  await copy.git(
    'push',
    '--quiet',
    forge.cloneUrlFor(id, { username: 'x-access-token', password: grace.token }),
    'main'
  )
  await forge.settled()
  const sender = receiver.received[0]?.json.sender as Json
  assert.deepEqual([sender.login, sender.id], ['grace', grace.id])
  assert.notEqual(grace.id, forge.developer.id)
})

test('a later push names what it brought, a forced one says so, a deleted branch has no head', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const first = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main', 'main:side')
  const second = await copy.commit('second', { 'file.txt': 'changed' })
  const third = await copy.commit('third', { 'more.txt': 'x' })
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await copy.git('reset', '--quiet', '--hard', first)
  const other = await copy.commit('another way')
  await copy.git('push', '--quiet', '--force', cloneUrl, 'main')
  await copy.git('push', '--quiet', cloneUrl, ':side')
  await forge.settled()

  const pushes = receiver.received.map(({ json }) => json)
  assert.deepEqual(
    pushes.map(({ ref, before, after, created, deleted, forced }) => ({
      ref,
      before,
      after,
      created,
      deleted,
      forced
    })),
    [
      { ref: 'refs/heads/main', before: zero, after: first, created: true, deleted: false, forced: false },
      { ref: 'refs/heads/side', before: zero, after: first, created: true, deleted: false, forced: false },
      { ref: 'refs/heads/main', before: first, after: third, created: false, deleted: false, forced: false },
      { ref: 'refs/heads/main', before: third, after: other, created: false, deleted: false, forced: true },
      { ref: 'refs/heads/side', before: first, after: zero, created: false, deleted: true, forced: false }
    ]
  )
  const brought = pushes[2]?.commits as Json[]
  assert.deepEqual(
    brought.map(({ id, modified, added }) => ({ id, modified, added })),
    [
      { id: second, modified: ['file.txt'], added: [] },
      { id: third, modified: [], added: ['more.txt'] }
    ]
  )
  assert.equal((pushes[3]?.head_commit as Json | undefined)?.message, 'another way')
  assert.equal(pushes[4]?.head_commit, null)
  assert.deepEqual(pushes[4]?.commits, [])
})

test('a tag is told with the object that it names, and its commit as the head', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await copy.git('tag', '--annotate', 'v1', '--message', 'one')
  const tag = await copy.git('rev-parse', 'v1')
  await copy.git('push', '--quiet', cloneUrl, 'v1')
  await forge.settled()
  const push = receiver.received[1]?.json
  assert.deepEqual([push?.ref, push?.after, (push?.head_commit as Json | undefined)?.id], ['refs/tags/v1', tag, commit])
  assert.deepEqual(push?.commits, [])
})

test('a receiver that is slow, away or refuses does not hold up a push, and the record tells what became of it', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const push = async (message: string) => {
    await copy.commit(message)
    await copy.git('push', '--quiet', cloneUrl, 'main')
  }
  receiver.answer.delayMs = 700
  receiver.answer.status = 503
  await push('slow and refused')
  await push('the next one')
  assert.ok(receiver.received.length < 3)
  await forge.settled()
  forge.setWebhook({ url: 'http://127.0.0.1:1/', secret })
  await push('away')
  await forge.settled()

  const [refused, , away] = forge.deliveries()
  assert.deepEqual(
    [refused?.status, refused?.responseStatus, refused?.responseBody],
    ['failed', 503, '{"code":"queued"}']
  )
  assert.ok((refused?.durationMs ?? 0) >= 690)
  assert.deepEqual([away?.status, away?.responseStatus], ['failed', null])
  assert.ok(away?.error)
})

test('a redelivery carries the same bytes under the same id', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  await copy.commit('first')
  receiver.answer.status = 500
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  receiver.answer.status = 202
  const [failed] = forge.deliveries()
  assert.equal(failed?.status, 'failed')
  const again = await forge.redeliver(failed?.id ?? 0)
  assert.deepEqual([again.status, again.isRedelivery], ['delivered', true])
  const [first, second] = receiver.received
  assert.deepEqual(second?.body, first?.body)
  assert.equal(second?.headers['x-github-delivery'], first?.headers['x-github-delivery'])
  assert.equal(second?.headers['x-hub-signature-256'], first?.headers['x-hub-signature-256'])
})

test('installing, suspending, choosing repositories and uninstalling are told, and pushes only where the App is', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const one = await forge.createRepository({ owner: 'acme', name: 'one', isPrivate: true, isInstalled: false })
  const two = await forge.createRepository({ owner: 'acme', name: 'two', isPrivate: true, isInstalled: false })
  await copy.commit('unseen')
  await copy.git('push', '--quiet', one.cloneUrl, 'main')
  await forge.settled()
  assert.equal(receiver.received.length, 0)

  const installation = forge.installApp('acme', [one.id])
  await forge.settled()
  forge.selectRepositories('acme', [two.id])
  await forge.settled()
  forge.suspendApp('acme', true)
  await forge.settled()
  await copy.git('push', '--quiet', two.cloneUrl, 'main')
  await forge.settled()
  forge.suspendApp('acme', false)
  await forge.settled()
  forge.uninstallApp('acme')
  await forge.settled()

  assert.deepEqual(receiver.received.map(eventOf).toSorted(), [
    'installation.created',
    'installation.deleted',
    'installation.suspend',
    'installation.unsuspend',
    'installation_repositories.added',
    'installation_repositories.removed'
  ])
  const created = receiver.received[0]?.json as Json & { installation: Json & { account: Json }; repositories: Json[] }
  assert.deepEqual(
    deviations(
      created,
      example('installation', ({ action }) => action === 'created')
    ),
    []
  )
  assert.equal(created.installation.id, installation.id)
  assert.equal(created.installation.account.id, one.owner.id)
  assert.deepEqual(
    created.repositories.map(({ id }) => id),
    [one.id]
  )
  const added = receiver.received.find((delivery) => eventOf(delivery) === 'installation_repositories.added')
  assert.deepEqual(deviations(added?.json, example('installation_repositories')), [])
  assert.equal(forge.installationOf('acme'), null)
})

test('renaming, transferring, archiving and removing a repository are told with its id unchanged', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const { id } = await forge.createRepository({ owner: 'acme', name: 'old', isPrivate: true })
  const tell = async (change: Promise<unknown>) => {
    await change
    await forge.settled()
  }
  await tell(forge.renameRepository(id, 'new'))
  await tell(forge.transferRepository(id, 'initech'))
  await tell(forge.changeRepository(id, { isArchived: true }))
  await tell(forge.changeRepository(id, { isPrivate: false }))
  await tell(forge.changeRepository(id, { defaultBranch: 'trunk' }))

  assert.deepEqual(receiver.received.map(eventOf), ['repository.renamed', 'repository.transferred'])
  const [renamed, transferred] = receiver.received.map(({ json }) => json as Json & { repository: Json })
  assert.deepEqual(renamed?.changes, { repository: { name: { from: 'old' } } })
  assert.deepEqual(
    deviations(
      renamed,
      example('repository', ({ action }) => action === 'renamed')
    ),
    []
  )
  assert.deepEqual([renamed?.repository.id, renamed?.repository.full_name], [id, 'acme/new'])
  assert.deepEqual([transferred?.repository.id, transferred?.repository.full_name], [id, 'initech/new'])

  forge.installApp('initech')
  await tell(forge.changeRepository(id, { isArchived: false, isPrivate: true, defaultBranch: 'main' }))
  await tell(forge.removeRepository(id))
  assert.deepEqual(receiver.received.slice(2).map(eventOf).toSorted(), [
    'installation.created',
    'repository.deleted',
    'repository.edited',
    'repository.privatized',
    'repository.unarchived'
  ])
  assert.throws(() => forge.repository(id), { code: 'not-found' })
})

test('a ping goes to every hook, a hook of one repository hears of no other', async (t) => {
  const [receiver, single] = await Promise.all([startReceiver(t), startReceiver(t)])
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const one = await forge.createRepository({ owner: 'acme', name: 'one', isPrivate: true })
  const two = await forge.createRepository({ owner: 'acme', name: 'two', isPrivate: true })
  forge.addWebhook({ url: single.url, secret: 'another secret', repositoryId: two.id })
  assert.equal(forge.ping().length, 2)
  await copy.commit('first')
  await copy.git('push', '--quiet', one.cloneUrl, 'main')
  await copy.git('push', '--quiet', two.cloneUrl, 'main')
  await forge.settled()
  assert.deepEqual(receiver.received.map(eventOf).toSorted(), ['ping', 'push', 'push'])
  assert.deepEqual(single.received.map(eventOf).toSorted(), ['ping', 'push'])
  const [pushed] = single.received.filter((delivery) => eventOf(delivery) === 'push')
  assert.ok(pushed)
  const signature = createHmac('sha256', 'another secret').update(pushed.body).digest('hex')
  assert.equal(pushed.headers['x-hub-signature-256'], `sha256=${signature}`)
})
