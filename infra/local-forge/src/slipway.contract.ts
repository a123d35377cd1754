import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, CommitStatus, ForgeInstance, Repository } from '@slipway/domain'
import { createGitHubApi, createGitHubWebhooks, createGitLabApi, createGitLabWebhooks } from '@slipway/forge'
import type { LocalForge, LocalRepository } from './index.ts'
import { createWorkingCopy, startGitHub, startGitLab, startReceiver } from './local-forge.fixture.ts'

/** Slipway's own side of a forge, which is held to the real ones elsewhere, finds here what it needs. */

const secret = 'a secret of more than sixteen characters'
const signingToken = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const signal = AbortSignal.timeout(60_000)

function instanceOf({ kind, url, apiUrl }: LocalForge): ForgeInstance {
  return { forgeId: kind, kind, baseUrl: url, apiUrl }
}

function stored(repository: LocalRepository, installationId: string | null): Repository {
  const { id, name, fullName, defaultBranch, isPrivate } = repository
  const settings = {
    branch: null,
    stackPath: null,
    isAtomic: true,
    isAutomatic: true,
    policy: 'wait' as const,
    hasPublicPages: false,
    connectedAt: 0,
    disconnectedAt: null,
    removedAt: null,
    suspendedAt: null,
    seenBy: null,
    access: null,
    connectionSeenBy: null
  }
  const identity = { id: 'r1', ownerId: 'o1', forgeId: 'local', forgeRepositoryId: String(id) }
  return { ...identity, name, fullName, defaultBranch, isPrivate, installationId, ...settings }
}

function buildOf(commit: string): Build {
  const identity = { id: 'b1', ownerId: 'o1', repositoryId: 'r1', ref: 'refs/heads/main', commit, before: null }
  const progress = { trigger: 'push', status: 'building', reason: null, generation: 1, attempt: 0 } as const
  const source = { message: 'first', sender: 'developer', noCache: false, warnings: [] }
  const times = { nextAttemptAt: null, deployingAt: null, finishedAt: null, cancelRequestedAt: null }
  return { ...identity, ...progress, ...source, ...times, createdAt: Date.now(), startedAt: Date.now() }
}

const statusOf = (state: CommitStatus['state']): CommitStatus => ({
  context: 'slipway/stack',
  state,
  description: `it is ${state}`,
  targetUrl: 'http://127.0.0.1/builds/b1',
  text: 'the end of the log',
  annotations: []
})

test('a push in GitHub’s form is verified, found, cloned and reported on', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret } })
  const copy = await createWorkingCopy(t)
  const repository = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  await forge.settled()

  const instance = instanceOf(forge)
  const [delivery] = receiver.received
  assert.ok(delivery)
  const { event } = await createGitHubWebhooks({ instance, secrets: [secret] }).receive(delivery)
  assert.ok(event.kind === 'push')
  const { forgeRepositoryId, installationId, fullName } = event.push.repository
  assert.deepEqual([forgeRepositoryId, event.push.commit], [String(repository.id), commit])

  const { id: appId, privateKey } = forge.app
  const api = createGitHubApi({ instance, appId, privateKey, now: Date.now })
  const known = stored(repository, installationId)
  const found = await api.findRepository({ forgeRepositoryId, installationId, fullName }, signal)
  assert.equal(found?.owner?.forgeOwnerId, String(repository.owner.id))
  assert.equal(await api.findHead(known, 'refs/heads/main', signal), commit)
  assert.equal((await api.findInstallation(installationId ?? '', signal))?.repositories.length, 1)
  const credential = await api.readCredential(known, signal)
  assert.ok(credential)
  assert.ok((await copy.git('ls-remote', forge.cloneUrlFor(repository.id, credential))).startsWith(commit))

  let externalId: string | null = null
  for (const state of ['queued', 'building', 'live'] as const) {
    externalId = await api.report(
      { repository: known, build: buildOf(commit), status: statusOf(state), externalId },
      signal
    )
  }
  const [report, ...others] = forge.statuses(repository.id, commit)
  assert.deepEqual([report?.state, report?.context, others.length], ['success', 'slipway/stack', 0])

  const page = await fetch(`${repository.pageUrl}/runs/${report?.id}`)
  assert.equal(page.url, `${repository.pageUrl}/commit/${commit}`)
  assert.match(await page.text(), /the end of the log/)

  forge.rerequestCheckRun(report?.id ?? 0)
  await forge.rerequestCheckSuite(repository.id, commit)
  forge.ping()
  forge.suspendApp('acme', true)
  forge.suspendApp('acme', false)
  await forge.renameRepository(repository.id, 'renamed')
  await forge.settled()
  const source = createGitHubWebhooks({ instance, secrets: [secret] })
  const events = await Promise.all(receiver.received.slice(1).map(async (other) => (await source.receive(other)).event))
  assert.deepEqual(events.map(({ kind }) => kind).toSorted(), [
    'installation',
    'installation',
    'ping',
    'repository-changed',
    'rerequest',
    'rerequest'
  ])
  const again = events.find((candidate) => candidate.kind === 'rerequest' && candidate.context !== null)
  assert.deepEqual(again?.kind === 'rerequest' && [again.commit, again.context], [commit, 'slipway/stack'])
})

test('a push in GitLab’s form is verified, found, cloned and reported on', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, signingToken } })
  const copy = await createWorkingCopy(t)
  const repository = await forge.createRepository({ owner: 'acme/tools', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  await forge.settled()

  const instance = instanceOf(forge)
  const [delivery] = receiver.received
  assert.ok(delivery)
  const source = createGitLabWebhooks({ instance, signingToken, token: null, now: Date.now })
  const { event } = await source.receive(delivery)
  assert.ok(event.kind === 'push')
  assert.deepEqual([event.push.repository.forgeRepositoryId, event.push.commit], [String(repository.id), commit])

  const api = createGitLabApi({
    instance,
    token: forge.accessToken,
    readToken: null,
    readUsername: null,
    now: Date.now
  })
  const known = stored(repository, null)
  const found = await api.findRepository({ ...event.push.repository, installationId: null }, signal)
  assert.equal(found?.owner?.login, 'acme')
  assert.equal(await api.findHead(known, 'refs/heads/main', signal), commit)
  const credential = await api.readCredential(known, signal)
  assert.ok(credential)
  assert.ok((await copy.git('ls-remote', forge.cloneUrlFor(repository.id, credential))).startsWith(commit))

  let externalId: string | null = null
  for (const state of ['queued', 'building', 'building', 'live'] as const) {
    externalId = await api.report(
      { repository: known, build: buildOf(commit), status: statusOf(state), externalId },
      signal
    )
  }
  const reports = forge
    .statuses(repository.id, commit)
    .map(({ context, state, description }) => [context, state, description])
  assert.deepEqual(reports, [['slipway/stack', 'success', 'it is live']])
})

test('what did not arrive is found again through the API of the real adapter, and heads are asked conditionally', async (t) => {
  const forge = await startGitHub(t, { webhook: { url: 'http://127.0.0.1:9/', secret } })
  const repository = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const copy = await createWorkingCopy(t)
  const commit = await copy.commit('first')
  forge.setLoss('fail')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  await forge.settled()
  const api = createGitHubApi({
    instance: instanceOf(forge),
    appId: forge.app.id,
    privateKey: forge.app.privateKey,
    now: Date.now
  })
  const [missed, ...others] = await api.missedDeliveries(0, signal)
  assert.ok(missed !== undefined && others.length === 0)
  const received = await api.fetchDelivery(missed, signal)
  assert.equal(received?.event.kind === 'push' ? received.event.push.commit : null, commit)
  const known = stored(repository, String(forge.installationOf('acme')?.id))
  for (let i = 0; i < 3; i++) {
    assert.equal(await api.findHead(known, 'refs/heads/main', signal, 'whenever'), commit)
  }
})
