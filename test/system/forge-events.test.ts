import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'

let scene: Scene

before(async () => {
  scene = await createScene()
})
after(() => scene.close())

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })

const buildsOf = async (repository: string) =>
  (await scene.installation.api.listBuilds({ limit: 100 })).items.filter((build) => build.repository === repository)

test('installing the App builds the production branch at once', async () => {
  const { github } = scene
  const hosted = await github.createRepository({ owner: 'carol', name: 'shop', isPrivate: true, isInstalled: false })
  const { createWorkingCopy } = await import('@slipway/demo')
  const copy = await createWorkingCopy(`${scene.directory}/carol`, hosted.cloneUrl)
  const commit = await copy.commit(hello('connected'), 'before the App')
  await copy.push()
  await github.settled()
  assert.deepEqual(await buildsOf('carol/shop'), [])
  github.installApp('carol')
  const build = await waitFor(
    async () => (await buildsOf('carol/shop')).find(({ status }) => status === 'live') ?? null,
    {
      timeoutMs: 60_000,
      what: 'the first build'
    }
  )
  await scene.ended(build.id)
  assert.deepEqual([build.trigger, build.commit], ['connect', commit])
  assert.equal((await call(scene, '/function/carol-hello')).body, 'connected')

  github.uninstallApp('carol')
  const { api } = scene.installation
  await waitFor(
    async () =>
      (await api.listRepositories({ owner: 'carol' })).items.every(({ disconnectedAt }) => disconnectedAt !== null),
    {
      timeoutMs: 30_000,
      what: 'the repository to be disconnected'
    }
  )
  assert.equal((await call(scene, '/function/carol-hello')).body, 'connected', 'losing the App deletes nothing')
})

test('a renamed and a transferred repository go on under the same owner name and their own history', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'dave', name: 'before' })
  await repository.ended(await repository.push(hello('one')))
  await github.renameRepository(repository.hosted.id, 'after')
  await github.settled()
  const { api } = scene.installation
  await waitFor(
    async () => (await api.listRepositories({ owner: 'dave' })).items.some(({ fullName }) => fullName === 'dave/after'),
    {
      timeoutMs: 30_000,
      what: 'the new name'
    }
  )
  const commit = await repository.push(hello('two'))
  const build = await repository.ended(commit)
  assert.deepEqual([build.status, build.repository], ['live', 'dave/after'])
  assert.equal((await call(scene, '/function/dave-hello')).body, 'two')
})

test('re-running the check of the head builds it again, of another commit it does not', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'erin' })
  const first = await repository.push(hello('first'))
  await repository.ended(first)
  await repository.statuses(first)
  const second = await repository.push(hello('second'))
  await repository.ended(second)
  await repository.statuses(second)
  const check = github.statuses(repository.hosted.id, second).find(({ context }) => context === 'slipway/stack')
  github.rerequestCheckRun(check?.id ?? 0)
  await waitFor(
    async () => (await buildsOf('erin/shop')).some(({ trigger, commit }) => trigger === 'rebuild' && commit === second),
    {
      timeoutMs: 30_000,
      what: 'the rebuild'
    }
  )
  const old = github.statuses(repository.hosted.id, first).find(({ context }) => context === 'slipway/stack')
  github.rerequestCheckRun(old?.id ?? 0)
  const told = await waitFor(
    async () =>
      (await scene.installation.api.listDeliveries({ limit: 20 })).items.find(({ reason }) =>
        reason?.includes('not the head')
      ) ?? null,
    { timeoutMs: 30_000, what: 'the refusal' }
  )
  assert.equal(told.event, 'check_run')
  assert.equal(
    (await buildsOf('erin/shop')).filter(({ trigger, commit }) => trigger === 'rebuild' && commit === first).length,
    0
  )
})

test('a forge that names the former head right after the push is asked again', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'fred' })
  await repository.ended(await repository.push(hello('first')))
  await github.setStaleReads(repository.hosted.id, true)
  const commit = await repository.push(hello('second'))
  const { api } = scene.installation
  const build = await waitFor(async () => (await api.listBuilds({ commit, status: 'building' })).items[0] ?? null, {
    timeoutMs: 30_000
  })
  const isAsking = async () =>
    (await Array.fromAsync(api.followLog(build.id, { follow: false }))).some(({ text }) =>
      text.includes('asking again')
    )
  await waitFor(isAsking, { timeoutMs: 30_000, what: 'the head to be asked again' })
  await github.setStaleReads(repository.hosted.id, false)
  assert.equal((await repository.ended(commit)).status, 'live')
  assert.equal((await call(scene, '/function/fred-hello')).body, 'second')
})

test('with the forge’s API away a public repository is live all the same, and the commit is told later', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'gina' })
  await repository.ended(await repository.push(hello('first')))
  github.setOutage('rest')
  const commit = await repository.push(hello('second'))
  await waitFor(async () => (await scene.installation.api.listBuilds({ commit })).items.length > 0, {
    timeoutMs: 30_000
  })
  github.setOutage('none')
  assert.equal((await repository.ended(commit)).status, 'live')
  assert.equal((await repository.statuses(commit))['slipway/stack']?.state, 'success')
})

test('a push that says [skip ci] is not built, visibly', async () => {
  const repository = await scene.repository({ owner: 'hugo' })
  const commit = await repository.push(hello('never'), { message: 'words [skip ci]' })
  assert.equal((await repository.ended(commit)).status, 'skipped')
  const statuses = await repository.statuses(commit)
  assert.equal(statuses['slipway/stack']?.state, 'skipped')
  assert.match(statuses['slipway/stack']?.description ?? '', /skip ci/)
})

test('two owners whose names give one slug are told apart, and the second one waits for a name', async () => {
  const first = await scene.repository({ owner: 'Same_Name' })
  await first.ended(await first.push(hello('first')))
  const second = await scene.repository({ owner: 'same-name' })
  const commit = await second.push(hello('second'))
  const refused = await second.ended(commit)
  assert.equal(refused.status, 'failed')
  assert.match(refused.reason ?? '', /taken/)
  const { api } = scene.installation
  const nameless = (await api.listOwners({})).items.find(({ slug }) => slug === null)
  await api.setOwnerSlug({ id: nameless?.id ?? '', slug: 'other-name' })
  await api.rebuild({ id: refused.id })
  await waitFor(async () => (await call(scene, '/function/other-name-hello')).body === 'second', {
    timeoutMs: 20_000,
    what: 'the second owner'
  })
  assert.equal((await call(scene, '/function/same-name-hello')).body, 'first')
})
