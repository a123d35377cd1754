import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createWorkingCopy, startGitLab } from './local-forge.fixture.ts'

test('what was pushed with the clone URL can be cloned again', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { cloneUrl, defaultBranch, id } = await forge.createRepository({
    owner: 'acme',
    name: 'hello',
    isPrivate: true
  })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await copy.git('clone', '--quiet', cloneUrl, 'clone')
  assert.equal(await copy.git('-C', 'clone', 'rev-parse', `origin/${defaultBranch}`), commit)
  assert.ok(Number.isSafeInteger(id) && id > 0)
})

test('a push of many megabytes is streamed and arrives whole', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'large', isPrivate: false })
  await mkdir(join(copy.directory, 'data'))
  for (let i = 0; i < 4; i++) await writeFile(join(copy.directory, 'data', `${i}.bin`), randomBytes(3 * 1024 * 1024))
  const commit = await copy.commit('12 MB')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await copy.git('clone', '--quiet', cloneUrl, 'clone')
  assert.equal(await copy.git('-C', 'clone', 'rev-parse', 'HEAD'), commit)
  assert.equal(await copy.git('-C', 'clone', 'status', '--porcelain'), '')
})

test('any commit that the repository holds can be fetched by its id, one that no ref names any more too', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const lost = await copy.commit('to be replaced')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await copy.git('commit', '--quiet', '--amend', '--message', 'in its place')
  await copy.git('push', '--quiet', '--force', cloneUrl, 'main')
  const other = await createWorkingCopy(t)
  await other.git('fetch', '--quiet', '--depth=1', cloneUrl, lost)
  assert.equal(await other.git('rev-parse', 'FETCH_HEAD'), lost)
})

test('a gzipped request is understood and protocol version 2 is spoken when it is asked for', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { cloneUrl, anonymousUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  const headers = { 'git-protocol': 'version=2' }
  const advertised = await fetch(`${anonymousUrl}/info/refs?service=git-upload-pack`, { headers })
  assert.equal(advertised.headers.get('content-type'), 'application/x-git-upload-pack-advertisement')
  assert.match(await advertised.text(), /version 2/)
  const listed = await fetch(`${anonymousUrl}/git-upload-pack`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-git-upload-pack-request', 'content-encoding': 'gzip' },
    body: gzipSync('0014command=ls-refs\n00010000')
  })
  assert.ok((await listed.text()).includes(`${commit} refs/heads/main`))
})

test('a private repository asks for a credential, and a wrong or expired one is refused', async (t) => {
  let at = Date.now()
  const forge = await startGitLab(t, { now: () => at })
  const copy = await createWorkingCopy(t)
  const { id, anonymousUrl } = await forge.createRepository({ owner: 'acme', name: 'secret', isPrivate: true })
  const asked = await fetch(`${anonymousUrl}/info/refs?service=git-upload-pack`)
  assert.equal(asked.status, 401)
  assert.match(asked.headers.get('www-authenticate') ?? '', /^Basic /)
  const wrong = forge.cloneUrlFor(id, { username: 'oauth2', password: 'glpat-guessed' })
  assert.match(await copy.fails('ls-remote', wrong), /Authentication failed/)
  const token = forge.createProjectToken(id, { scope: 'read_repository', expiresInMs: 60_000 })
  const right = forge.cloneUrlFor(id, { username: 'oauth2', password: token })
  assert.equal(await copy.git('ls-remote', right), '')
  at += 60_001
  assert.match(await copy.fails('ls-remote', right), /Authentication failed/)
})

test('a token of another repository is told that there is none', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const secret = await forge.createRepository({ owner: 'acme', name: 'secret', isPrivate: true })
  const other = await forge.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  const password = forge.createProjectToken(other.id, { scope: 'read_repository' })
  assert.equal(await copy.git('ls-remote', forge.cloneUrlFor(other.id, { username: 'oauth2', password })), '')
  const refused = await copy.fails('ls-remote', forge.cloneUrlFor(secret.id, { username: 'oauth2', password }))
  assert.match(refused, /not found/i)
})

test('a push without a credential, or with one that may only read, changes nothing', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, anonymousUrl, cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'open', isPrivate: false })
  await copy.commit('first')
  assert.match(await copy.fails('push', anonymousUrl, 'main'), /could not read Username|Authentication/)
  const password = forge.createProjectToken(id, { scope: 'read_repository' })
  const readOnly = forge.cloneUrlFor(id, { username: 'oauth2', password })
  assert.match(await copy.fails('push', readOnly, 'main'), /403/)
  assert.equal(await copy.git('ls-remote', cloneUrl), '')
  await forge.settled()
  assert.deepEqual(forge.deliveries(), [])
})

test('no path leads to anything but a repository that was created', async (t) => {
  const forge = await startGitLab(t)
  const { id } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  const { hostname, port } = new URL(forge.url)
  const paths = [
    `/repositories/${id}.git`,
    `/acme/../repositories/${id}.git`,
    '/acme/hello/../../../../etc',
    '/acme/hello.git/..%2f..',
    '/acme%2fhello',
    '/../../etc/passwd',
    '/acme/hello.git/objects'
  ]
  for (const path of paths) {
    // Not by fetch, which would tidy the path up.
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ hostname, port, path: `${path}/info/refs?service=git-upload-pack` }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .once('error', reject)
        .end()
    })
    assert.ok(status === 401 || status === 404, `${path} answers ${status}`)
  }
  const dumb = await fetch(`${forge.url}/acme/hello.git/info/refs`)
  assert.equal(dumb.status, 403)
  for (const file of ['HEAD', 'config', 'objects/info/packs']) {
    assert.equal((await fetch(`${forge.url}/acme/hello.git/${file}`)).status, 404, file)
  }
})

test('pushes of many at once all arrive', async (t) => {
  const forge = await startGitLab(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'busy', isPrivate: true })
  const branches = ['a', 'b', 'c', 'd', 'e', 'f']
  const commits = await Promise.all(
    branches.map(async (branch) => {
      const copy = await createWorkingCopy(t)
      const commit = await copy.commit(branch)
      await copy.git('push', '--quiet', cloneUrl, `HEAD:refs/heads/${branch}`)
      return commit
    })
  )
  const copy = await createWorkingCopy(t)
  const refs = await copy.git('ls-remote', cloneUrl)
  branches.forEach((branch, i) => assert.ok(refs.includes(`${commits[i]}\trefs/heads/${branch}`)))
})

test('a renamed repository is found under its former name until that is taken again', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl, anonymousUrl } = await forge.createRepository({ owner: 'acme', name: 'old', isPrivate: false })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  const renamed = await forge.renameRepository(id, 'new')
  assert.equal(renamed.id, id)
  assert.ok((await copy.git('ls-remote', renamed.anonymousUrl)).startsWith(commit))
  assert.ok((await copy.git('ls-remote', anonymousUrl)).startsWith(commit))
  const stranger = await forge.createRepository({ owner: 'acme', name: 'old', isPrivate: false })
  assert.notEqual(stranger.id, id)
  assert.equal(await copy.git('ls-remote', anonymousUrl), '')
})

test('stale reads show the former head to git and REST while pushes go on', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const before = await copy.commit('before')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.setStaleReads(id, true)
  const after = await copy.commit('after')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  const headByRest = async () => {
    const headers = { 'private-token': forge.accessToken }
    const answer = await fetch(`${forge.apiUrl}/projects/${id}/repository/branches/main`, { headers })
    return ((await answer.json()) as { commit: { id: string } }).commit.id
  }
  assert.equal(await copy.git('ls-remote', cloneUrl, 'refs/heads/main'), `${before}\trefs/heads/main`)
  assert.equal(await headByRest(), before)
  await copy.git('clone', '--quiet', cloneUrl, 'stale')
  assert.equal(await copy.git('-C', 'stale', 'rev-parse', 'HEAD'), before)
  await forge.setStaleReads(id, false)
  assert.equal(await copy.git('ls-remote', cloneUrl), `${after}\tHEAD\n${after}\trefs/heads/main`)
  assert.equal(await headByRest(), after)
})

test('an outage of git refuses clones and leaves REST alone, latency holds answers back', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const headers = { 'private-token': forge.accessToken }
  const rest = () => fetch(`${forge.apiUrl}/projects/${id}`, { headers })
  forge.setOutage('git')
  assert.match(await copy.fails('ls-remote', cloneUrl), /503/)
  assert.equal((await rest()).status, 200)
  forge.setOutage('rest')
  assert.equal(await copy.git('ls-remote', cloneUrl), '')
  assert.equal((await rest()).status, 503)
  forge.setOutage('none')
  forge.setLatency(300)
  const startedAt = performance.now()
  assert.equal((await rest()).status, 200)
  assert.ok(performance.now() - startedAt >= 290)
})

test('an outage shows as an answer, as none at all, or as a broken connection, and pushes may go on meanwhile', async (t) => {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const rest = (signal?: AbortSignal) =>
    fetch(`${forge.apiUrl}/projects/${id}`, { headers: { 'private-token': forge.accessToken }, signal: signal ?? null })
  forge.setOutage('reads', { status: 429, retryAfterSeconds: 7 })
  const limited = await rest()
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '7'])
  await copy.commit('hello')
  await copy.git('push', cloneUrl, 'HEAD:refs/heads/main')
  assert.match(await copy.fails('ls-remote', cloneUrl), /429/)
  forge.setOutage('reads', 'reset')
  await assert.rejects(rest())
  forge.setOutage('reads', 'hang')
  await assert.rejects(rest(AbortSignal.timeout(200)), { name: 'TimeoutError' })
  forge.setOutage('none')
  assert.equal((await rest()).status, 200)
})
