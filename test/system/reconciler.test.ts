import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from './scene.ts'

let scene: Scene

before(async () => {
  scene = await createScene({ HEADS_EVERY_MS: '1000', REMOVAL_GRACE_MS: '4000' })
})
after(() => scene.close())

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })
const answerOf = async (owner: string) => (await call(scene, `/function/${owner}-hello`)).body

const buildsOf = async ({ hosted }: TestRepository) =>
  (await scene.installation.api.listBuilds({ limit: 200 })).items.filter(
    ({ repository }) => repository === hosted.fullName
  )

const becomes = (owner: string, words: string, timeoutMs = 90_000) =>
  waitFor(async () => (await answerOf(owner)) === words, { timeoutMs, what: `${owner} to answer "${words}"` })

for (const forge of ['github', 'gitlab'] as const) {
  test(`a push to ${forge} whose delivery is lost goes live, and so does a revert whose delivery is lost`, async () => {
    const owner = `lost-${forge}`
    const repository = await scene.repository({ forge, owner })
    const first = await repository.push(hello('a'))
    assert.equal((await repository.ended(first)).status, 'live')
    scene[forge].setLoss('lose')
    try {
      const second = await repository.push(hello('b'))
      const build = await repository.ended(second)
      assert.deepEqual([build.status, build.trigger], ['live', 'head'])
      assert.equal(await answerOf(owner), 'b')
      await repository.workingCopy.git('reset', '--hard', first)
      await repository.workingCopy.push({ force: true })
      await becomes(owner, 'a')
      // And then it is at rest.
      await sleep(3000)
      const builds = await buildsOf(repository)
      assert.deepEqual(
        builds.map(({ trigger, status }) => `${trigger} ${status}`),
        ['head live', 'head live', 'push live']
      )
    } finally {
      scene[forge].setLoss('none')
    }
  })
}

test('a lost push that says [skip ci], or touches no function, is not built, and is asked for only once', async () => {
  const repository = await scene.repository({ owner: 'skipper' })
  await repository.ended(await repository.push(hello('a')))
  scene.github.setLoss('lose')
  try {
    const skipped = await repository.push(hello('b'), { message: 'words only [skip ci]' })
    assert.equal((await repository.ended(skipped)).status, 'skipped')
    await repository.workingCopy.git('revert', '--no-edit', 'HEAD')
    const untouched = await repository.push({ 'README.md': 'what it is' })
    const { status, trigger, reason } = await repository.ended(untouched)
    assert.deepEqual([status, trigger], ['skipped', 'head'])
    assert.match(reason ?? '', /^no function has changed since [0-9a-f]{7}, which is live$/)
    await sleep(3000)
    assert.equal((await buildsOf(repository)).length, 3)
    assert.equal(await answerOf('skipper'), 'a')
  } finally {
    scene.github.setLoss('none')
  }
})

test('an App that was installed while nothing could be delivered is found in the failed deliveries', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'late' })
  github.uninstallApp('late')
  await github.settled()
  await repository.push(hello('found'))
  await github.settled()
  github.setLoss('fail')
  try {
    github.installApp('late')
    await github.settled()
    await becomes('late', 'found')
    const { items } = await scene.installation.api.listDeliveries({ limit: 20 })
    assert.ok(items.some(({ event, outcome }) => event === 'installation' && outcome === 'applied'))
  } finally {
    github.setLoss('none')
  }
})

test('a container that somebody removed comes back', async () => {
  const repository = await scene.repository({ owner: 'kept' })
  await repository.ended(await repository.push(hello('still here')))
  const docker = new Docker()
  const { installation } = scene.installation.endpoints
  const label = [`com.slipway.installation=${installation}`, 'com.slipway.owner=kept']
  const find = async () =>
    (await docker.listContainers({ all: true, filters: { label } })).filter(
      ({ Labels }) => 'com.slipway.deployment' in Labels
    )
  const [container] = await find()
  assert.ok(container)
  await docker.getContainer(container.Id).remove({ force: true })
  await waitFor(async () => (await find()).some(({ Id, State }) => Id !== container.Id && State === 'running'), {
    timeoutMs: 90_000,
    what: 'another container'
  })
  await becomes('kept', 'still here')
  const { items } = await scene.installation.api.listRunning({})
  assert.equal(items.find(({ owner }) => owner === 'kept')?.status, 'live')
})

test('an App that is removed takes the functions with it after the grace; one that is back in time keeps them', async () => {
  const { github } = scene
  const gone = await scene.repository({ owner: 'gone' })
  const back = await scene.repository({ owner: 'back' })
  await gone.ended(await gone.push(hello('gone soon')))
  await back.ended(await back.push(hello('back soon')))
  github.uninstallApp('gone')
  github.uninstallApp('back')
  const { api } = scene.installation
  const isDisconnected = async (owner: string) =>
    (await api.listRepositories({ owner })).items[0]?.disconnectedAt !== null
  await waitFor(async () => (await isDisconnected('gone')) && (await isDisconnected('back')), {
    timeoutMs: 30_000,
    what: 'both to be disconnected'
  })
  assert.equal(await answerOf('gone'), 'gone soon')
  github.installApp('back')
  await waitFor(async () => !(await isDisconnected('back')), { timeoutMs: 30_000, what: 'the connection' })
  await waitFor(async () => (await call(scene, '/function/gone-hello')).status === 404, {
    timeoutMs: 90_000,
    what: 'the removal'
  })
  const [entry] = (await api.listAudit({ owner: 'gone' })).items
  assert.deepEqual([entry?.action, entry?.detail.functions], ['remove-functions', ['gone-hello']])
  assert.equal(await answerOf('back'), 'back soon')
  github.installApp('gone')
  await becomes('gone', 'gone soon')
})

test('a deleted production branch takes the functions after the grace, and brings them back when it is pushed again', async () => {
  const repository = await scene.repository({ forge: 'gitlab', owner: 'branchless' })
  await repository.ended(await repository.push(hello('on main')))
  const { api } = scene.installation
  const [known] = (await api.listRepositories({ owner: 'branchless' })).items
  await api.updateRepository({ id: known?.id ?? '', branch: 'production' })
  const { workingCopy } = repository
  const commit = await workingCopy.commit(hello('on production'), 'another branch')
  const pushed = () => workingCopy.push({ ref: 'refs/heads/production' })
  await pushed()
  await repository.ended(commit)
  await becomes('branchless', 'on production')
  await workingCopy.git('push', 'origin', ':production')
  await waitFor(async () => (await call(scene, '/function/branchless-hello')).status === 404, {
    timeoutMs: 90_000,
    what: 'the removal'
  })
  await pushed()
  await becomes('branchless', 'on production')
})

test('while the forge is away nothing is removed, and what was pushed meanwhile goes live when it is back', async () => {
  const { github } = scene
  const repository = await scene.repository({ owner: 'outage' })
  await repository.ended(await repository.push(hello('before')))
  github.setOutage('rest')
  github.setLoss('lose')
  try {
    await repository.push(hello('after'))
    await sleep(6000)
    assert.equal(await answerOf('outage'), 'before')
  } finally {
    github.setOutage('none')
  }
  try {
    await becomes('outage', 'after')
  } finally {
    github.setLoss('none')
  }
})

for (const policy of ['wait', 'override'] as const) {
  test(`a branch that is pushed to faster than it builds, with the policy ${policy}`, async () => {
    const owner = `fast-${policy}`
    const repository = await scene.repository({ owner })
    const files = (n: number) => ({
      'stack.yml': stackOf({ hello: { lang: 'dockerfile' } }),
      'hello/Dockerfile': [
        `FROM ${process.env.BASE_NODE}`,
        // No layer cache of an earlier run makes it faster.
        `RUN sleep 5 && echo ${randomUUID()}`,
        'COPY server.js .',
        'CMD ["node", "server.js"]',
        ''
      ].join('\n'),
      'hello/server.js': `require('node:http').createServer((_, res) => res.end('${n}')).listen(8080)\n`
    })
    await repository.ended(await repository.push(files(0)))
    const { api } = scene.installation
    const [known] = (await api.listRepositories({ owner })).items
    await api.updateRepository({ id: known?.id ?? '', policy })
    const ends = async () => {
      const builds = await buildsOf(repository)
      const stopped = builds.filter(
        ({ status, startedAt, reason }) =>
          status === 'superseded' && startedAt !== null && /the branch is at/.test(reason ?? '')
      )
      // The first was before.
      return { lived: builds.filter(({ status }) => status === 'live').length - 1, stopped: stopped.length }
    }
    let pushes = 0
    let last = ''
    /** A slow machine is pushed to for longer, for it builds less. */
    const isSeen = ({ lived, stopped }: Awaited<ReturnType<typeof ends>>) =>
      pushes >= 8 && (policy === 'wait' ? lived >= 3 : stopped >= 5)
    for (let now = await ends(); !isSeen(now) && pushes < 60; now = await ends()) {
      const next = sleep(2000)
      pushes += 1
      last = await repository.push(files(pushes))
      await next
    }
    const whilePushed = await ends()
    assert.equal((await repository.ended(last)).status, 'live')
    assert.equal(await answerOf(owner), String(pushes), 'the last push is live in the end')
    // Waiting, it goes live again and again while it is pushed to; overriding, only what nobody overtook does.
    const { lived, stopped } = policy === 'wait' ? whilePushed : await ends()
    if (policy === 'wait') assert.ok(lived >= 3, `live ${lived} times in ${pushes} pushes`)
    else assert.ok(lived <= 2 && stopped >= 5, `live ${lived} times, stopped ${stopped} times in ${pushes} pushes`)
  })
}
