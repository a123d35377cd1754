import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, createScene, type Scene, saying, stackOf } from './scene.ts'

let scene: Scene

before(async () => {
  scene = await createScene()
})
after(() => scene.close())

for (const forge of ['github', 'gitlab'] as const) {
  test(`a git push to ${forge} becomes an answering function and a success on the commit`, async () => {
    const owner = forge === 'github' ? 'alice' : 'acme'
    const repository = await scene.repository({ forge, owner, isPrivate: true })
    const commit = await repository.push({
      'stack.yml': stackOf({ hello: {} }),
      'hello/handler.js': saying('hello from a push')
    })
    const build = await repository.ended(commit)
    assert.deepEqual([build.status, build.reason, build.owner], ['live', null, owner])

    assert.equal((await call(scene, `/function/${owner}-hello`)).body, 'hello from a push')
    assert.equal((await call(scene, `/function/hello.${owner}`)).body, 'hello from a push')
    assert.equal((await call(scene, '/hello', { host: `${owner}.localhost` })).body, 'hello from a push')

    const statuses = await repository.statuses(commit)
    const states = Object.entries(statuses).map(([context, { state }]) => [context, state])
    assert.deepEqual(Object.fromEntries(states), { 'slipway/hello': 'success', 'slipway/stack': 'success' })
    const { items } = await scene.installation.api.listDeliveries({ owner })
    assert.equal(items.find((delivery) => delivery.commit === commit)?.outcome, 'queued')
  })
}

test('a new version replaces the former one without a dropped request, and a broken one leaves it alone', async (t) => {
  const repository = await scene.repository({ owner: 'busy' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('version 0') })
  await repository.ended(first)
  const client = callAllTheTime(scene, '/function/busy-hello')
  t.after(() => client.stop())
  for (const version of [1, 2, 3]) {
    const commit = await repository.push({ 'hello/handler.js': saying(`version ${version}`) })
    assert.equal((await repository.ended(commit)).status, 'live')
    assert.equal((await call(scene, '/function/busy-hello')).body, `version ${version}`)
  }
  const broken = await repository.push({ 'stack.yml': `${stackOf({ hello: {} })}    handlr: typo\n` })
  const build = await repository.ended(broken)
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /^stack\.yml:8:5: /)
  const statuses = await repository.statuses(broken)
  assert.equal(statuses['slipway/stack']?.state, 'failure')
  assert.match(statuses['slipway/stack']?.description ?? '', /stack\.yml:8:5/)
  assert.equal((await call(scene, '/function/busy-hello')).body, 'version 3')
  const { calls, failed } = await client.stop()
  assert.ok(calls > 50)
  assert.deepEqual(failed, [])
  const counted = async () => (await scene.installation.api.getTraffic({ owner: 'busy', name: 'hello' })).total
  await waitFor(async () => (await counted()).calls >= calls + 4, {
    timeoutMs: 40_000,
    what: 'the calls to be counted'
  })
  const { errors, codes, p99Ms } = await counted()
  assert.deepEqual([codes, errors], [{ 200: calls + 4 }, 0], 'every call is counted, and once')
  assert.ok(p99Ms !== null && p99Ms > 0)
})

test('a function that nobody calls sleeps, calls bring it back together, and a new version of a sleeping one is checked', async () => {
  const repository = await scene.repository({ owner: 'sleepy' })
  const zero = ['labels:', '  com.openfaas.scale.zero: true', '  com.openfaas.scale.zero-duration: 1s']
  const first = await repository.push({
    'stack.yml': stackOf({ hello: { more: zero } }),
    'hello/handler.js': saying('awake')
  })
  assert.equal((await repository.ended(first)).status, 'live')
  const asleep = async () => {
    const { items } = await scene.installation.api.listDeployments({ owner: 'sleepy', name: 'hello' })
    return items.some(({ status, replicas }) => status === 'live' && replicas === 0)
  }
  await waitFor(asleep, { timeoutMs: 60_000, what: 'the function to sleep' })
  const answers = await Promise.all([1, 2, 3, 4].map(() => call(scene, '/function/sleepy-hello')))
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body]),
    answers.map(() => [200, 'awake'])
  )
  await waitFor(asleep, { timeoutMs: 60_000, what: 'the function to sleep again' })
  const broken = await repository.push({ 'hello/handler.js': 'process.exit(3)\n' })
  assert.equal((await repository.ended(broken)).status, 'failed')
  const second = await repository.push({ 'hello/handler.js': saying('second') })
  assert.equal((await repository.ended(second)).status, 'live')
  await waitFor(asleep, { timeoutMs: 60_000, what: 'the new version to sleep' })
  assert.equal((await call(scene, '/function/sleepy-hello')).body, 'second')
})

test('a function that is not public takes a key, which ends within a second of being revoked', async () => {
  const { api } = scene.installation
  const of = { owner: 'closed', name: 'hello' }
  const repository = await scene.repository({ owner: of.owner })
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('inside') })
  assert.equal((await repository.ended(commit)).status, 'live')
  await api.setAccess({ ...of, access: 'token' })
  const status = async (headers: Record<string, string> = {}) =>
    (await call(scene, '/function/closed-hello', { headers })).status
  await waitFor(async () => (await status()) === 401, { timeoutMs: 20_000 })
  const tookMs: number[] = []
  // The quickest of three, for the machine may have stood still for a moment.
  for (const name of ['one', 'two', 'three']) {
    const { key, about } = await api.createFunctionKey({ owner: of.owner, name })
    const headers = { 'x-api-key': key }
    await waitFor(async () => (await status(headers)) === 200, { timeoutMs: 20_000 })
    const revokedAt = performance.now()
    await api.revokeFunctionKey({ owner: of.owner, id: about.id })
    await waitFor(async () => (await status(headers)) === 401, { timeoutMs: 20_000 })
    tookMs.push(performance.now() - revokedAt)
  }
  assert.ok(Math.min(...tookMs) < 1000, tookMs.join())
})

test('a function that never becomes ready fails the build and the former version serves throughout', async (t) => {
  const repository = await scene.repository({ owner: 'never' })
  const first = await repository.push({
    'stack.yml': stackOf({ hello: {}, other: {} }),
    'hello/handler.js': saying('good'),
    'other/handler.js': saying('other')
  })
  assert.equal((await repository.ended(first)).status, 'live')
  const client = callAllTheTime(scene, '/function/never-hello')
  t.after(() => client.stop())
  const second = await repository.push({
    'hello/handler.js': "console.log('about to give up')\nprocess.exit(3)\n",
    'other/handler.js': saying('other, changed')
  })
  const build = await repository.ended(second)
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /hello.*exited with code 3[^]*about to give up/)
  const statuses = await repository.statuses(second)
  assert.equal(statuses['slipway/hello']?.state, 'failure')
  const { failed } = await client.stop()
  assert.deepEqual(failed, [])
  assert.equal((await call(scene, '/function/never-hello')).body, 'good')
  assert.equal((await call(scene, '/function/never-other')).body, 'other', 'all functions of a stack go live, or none')
})

test('a failing Dockerfile fails the build, and its end is on the commit', async () => {
  const repository = await scene.repository({ owner: 'dora' })
  const commit = await repository.push({
    'stack.yml': stackOf({ box: { lang: 'dockerfile' } }),
    'box/Dockerfile': `FROM ${process.env.BASE_NODE}\nRUN echo "the last words" && exit 7\n`
  })
  const build = await repository.ended(commit)
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /exit code:? 7/)
  const statuses = await repository.statuses(commit)
  assert.match(statuses['slipway/box']?.text ?? '', /the last words/)
})

test('a change of the configuration alone is live without a build', async () => {
  const repository = await scene.repository({ owner: 'conf' })
  const files = {
    'hello/handler.js': "module.exports = async (event, context) => context.succeed(process.env.WORD ?? 'none')\n"
  }
  await repository.ended(await repository.push({ 'stack.yml': stackOf({ hello: {} }), ...files }))
  assert.equal((await call(scene, '/function/conf-hello')).body, 'none')
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: { more: ['environment:', '  WORD: changed'] } })
  })
  const build = await repository.ended(commit)
  assert.deepEqual([build.status, build.functions[0]?.isReused], ['live', true])
  assert.equal((await call(scene, '/function/conf-hello')).body, 'changed')
})

test('a push that touches no function is skipped with the reason, and one that touches one function leaves the others running', async () => {
  const repository = await scene.repository({ owner: 'petra' })
  const stack = { 'stack.yml': stackOf({ one: {}, two: {} }) }
  const first = await repository.push({ ...stack, 'one/handler.js': saying('one'), 'two/handler.js': saying('two') })
  assert.equal((await repository.ended(first)).status, 'live')

  const readme = await repository.push({ 'README.md': 'what it is', 'docs/more.md': 'more' })
  const skipped = await repository.ended(readme)
  const reason = `no function has changed since ${first.slice(0, 7)}, which is live`
  assert.deepEqual([skipped.status, skipped.reason], ['skipped', reason])
  const statuses = await repository.statuses(readme)
  assert.deepEqual(Object.keys(statuses), ['slipway/stack'])
  assert.equal(statuses['slipway/stack']?.state, 'skipped')
  assert.equal((await call(scene, '/function/petra-one')).body, 'one')

  const liveOf = async (name: string) => (await scene.installation.api.getFunction({ owner: 'petra', name })).live
  const [one, two] = [await liveOf('one'), await liveOf('two')]
  const second = await repository.push({ 'one/handler.js': saying('one more'), 'README.md': 'what it is now' })
  const { functions, status } = await repository.ended(second)
  assert.equal(status, 'live')
  assert.deepEqual(Object.fromEntries(functions.map(({ name, isReused }) => [name, isReused])), {
    one: false,
    two: true
  })
  assert.equal((await call(scene, '/function/petra-one')).body, 'one more')
  const [oneNow, twoNow] = [await liveOf('one'), await liveOf('two')]
  assert.notEqual(oneNow?.id, one?.id)
  assert.deepEqual([twoNow?.id, twoNow?.liveAt, twoNow?.commit], [two?.id, two?.liveAt, second])
  assert.equal((await repository.statuses(second))['slipway/two']?.description, 'unchanged: stays live')
  const more = await repository.ended(await repository.push({ 'docs/more.md': 'even more' }))
  assert.equal(more.reason, `no function has changed since ${second.slice(0, 7)}, which is live`)
  const { items } = await scene.installation.api.listBuilds({ owner: 'petra', commit: readme })
  assert.equal(items.length, 1, 'it was not built again')
})

test('of pushes in quick order the last one is live and the others gave way', async () => {
  const repository = await scene.repository({ owner: 'quick' })
  const commits: string[] = []
  for (const word of ['A', 'B', 'C', 'D']) {
    commits.push(await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(word) }))
  }
  const last = await repository.ended(commits.at(-1) ?? '')
  assert.equal(last.status, 'live')
  assert.equal((await call(scene, '/function/quick-hello')).body, 'D')
  const ends = await Promise.all(commits.slice(0, -1).map(async (commit) => (await repository.ended(commit)).status))
  assert.ok(
    ends.every((status) => status === 'superseded' || status === 'live'),
    ends.join()
  )
  assert.ok(ends.includes('superseded'))
  await sleep(500)
  assert.equal((await call(scene, '/function/quick-hello')).body, 'D')
})

test('a force push back to an older commit deploys that commit, without a build', async () => {
  const repository = await scene.repository({ owner: 'force' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('older') })
  await repository.ended(first)
  await repository.ended(await repository.push({ 'hello/handler.js': saying('newer') }))
  await repository.workingCopy.git('reset', '--quiet', '--hard', first)
  await repository.workingCopy.push({ force: true })
  await waitFor(async () => (await call(scene, '/function/force-hello')).body === 'older', {
    timeoutMs: 20_000,
    what: 'the older commit to be live'
  })
})

test('the same delivery again is the same build', async () => {
  const repository = await scene.repository({ owner: 'twice' })
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('once') })
  const build = await repository.ended(commit)
  const delivery = scene.github
    .deliveries()
    .findLast((one) => one.repositoryId === repository.hosted.id && one.event === 'push')
  assert.ok(delivery)
  const answers = await Promise.all(Array.from({ length: 5 }, () => scene.github.redeliver(delivery.id)))
  assert.deepEqual([...new Set(answers.map(({ responseStatus }) => responseStatus))], [200])
  assert.ok(answers.every(({ responseBody }) => responseBody?.includes(build.id)))
  assert.equal((await scene.installation.api.listBuilds({ commit })).items.length, 1)
})

test('functions that left the stack are removed, and only after a success', async () => {
  const repository = await scene.repository({ owner: 'prune' })
  const handlers = { 'stays/handler.js': saying('stays'), 'goes/handler.js': saying('goes') }
  await repository.ended(await repository.push({ 'stack.yml': stackOf({ stays: {}, goes: {} }), ...handlers }))
  const broken = await repository.push({ 'stack.yml': stackOf({ stays: {} }), 'stays/handler.js': 'process.exit(1)\n' })
  assert.equal((await repository.ended(broken)).status, 'failed')
  assert.equal((await call(scene, '/function/prune-goes')).body, 'goes')
  const commit = await repository.push({ 'stays/handler.js': saying('stays on') })
  const build = await repository.ended(commit)
  assert.equal(build.status, 'live')
  assert.equal(build.functions.find(({ name }) => name === 'goes')?.status, 'removed')
  assert.equal((await call(scene, '/function/prune-goes')).status, 404)
  assert.match((await repository.statuses(commit))['slipway/stack']?.description ?? '', /removed goes/)
})

test('a rollback makes the version before live without a build, and pushes wait until it is resumed', async () => {
  const repository = await scene.repository({ owner: 'back' })
  const { api } = scene.installation
  const hello = { owner: 'back', name: 'hello' }
  await repository.ended(
    await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('good') })
  )
  await repository.ended(await repository.push({ 'hello/handler.js': saying('bad') }))
  await waitFor(async () => (await api.listDeployments({ ...hello })).items.some(({ status }) => status === 'ended'), {
    timeoutMs: 70_000,
    what: 'the former version to end'
  })
  const rollback = await api.rollback(hello)
  assert.equal((await scene.ended(rollback.id)).status, 'live')
  assert.equal((await call(scene, '/function/back-hello')).body, 'good')

  const paused = await repository.ended(await repository.push({ 'hello/handler.js': saying('newest') }))
  assert.equal(paused.functions[0]?.status, 'skipped')
  assert.equal((await call(scene, '/function/back-hello')).body, 'good')
  await api.resumeFunction(hello)
  await repository.ended(await repository.push({ 'hello/handler.js': saying('newest again') }))
  assert.equal((await call(scene, '/function/back-hello')).body, 'newest again')
})

test('a second repository cannot take a function that the first one has', async () => {
  const first = await scene.repository({ owner: 'taken', name: 'one' })
  const second = await scene.repository({ owner: 'taken', name: 'two' })
  await first.ended(await first.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('first') }))
  const build = await second.ended(
    await second.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('second') })
  )
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /taken\/one/)
  assert.equal((await call(scene, '/function/taken-hello')).body, 'first')
})

test('a handler outside the checkout, or a link out of it, fails the build naming the path', async () => {
  const repository = await scene.repository({ owner: 'mallory' })
  const outside = await repository.ended(
    await repository.push({ 'stack.yml': stackOf({ evil: { handler: '../../../../etc' } }), x: 'x' })
  )
  assert.equal(outside.status, 'failed')
  assert.match(outside.reason ?? '', /etc/)
  const { symlink } = await import('node:fs/promises')
  await symlink('/etc/passwd', `${repository.workingCopy.directory}/passwd-link`)
  const link = await repository.push({ 'stack.yml': stackOf({ evil: { handler: './passwd-link' } }) })
  const build = await repository.ended(link)
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /passwd-link/)
})

test('a running build is cancelled down to the engine', async () => {
  const repository = await scene.repository({ owner: 'stop' })
  const { api } = scene.installation
  const commit = await repository.push({
    'stack.yml': stackOf({ slow: { lang: 'dockerfile' } }),
    'slow/Dockerfile': `FROM ${process.env.BASE_NODE}\nRUN echo started && sleep 600\n`
  })
  const build = await waitFor(async () => (await api.listBuilds({ commit, status: 'building' })).items[0] ?? null, {
    timeoutMs: 60_000,
    what: 'the build to begin'
  })
  const isStarted = async () =>
    (await Array.fromAsync(api.followLog(build.id, { follow: false }))).some(({ text }) => /^started/m.test(text))
  await waitFor(isStarted, { timeoutMs: 60_000, what: 'the RUN step to start' })
  await api.cancelBuild({ id: build.id })
  const ended = await repository.ended(commit, 30_000)
  assert.equal(ended.status, 'cancelled')
  assert.equal((await repository.statuses(commit))['slipway/stack']?.state, 'cancelled')
})

test('an unknown function answers 404 as JSON, an unknown build 404 as a problem', async () => {
  const { status, body } = await call(scene, '/function/nobody-nothing')
  assert.deepEqual([status, JSON.parse(body).code], [404, 'not-found'])
  await assert.rejects(
    scene.installation.api.getBuild({ id: 'nope' }),
    (err) => err instanceof Failure && err.code === 'not-found'
  )
})
