import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Deployment, type Endpoint, Failure, type FailureCode, pinnedReference } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { type DeploymentChange, deploymentOf, specOf, testCluster } from '@slipway/testing'
import { labels } from '../labels.ts'
import { fetchJson, fetchText, type Ground, openGround, removeAll } from './contract-ground.fixture.ts'

const impatient = { readyTimeoutMs: 1500 }
const quick = { ...specOf('hello').readiness, timeoutMs: 500, failureThreshold: 1 }
const signal = () => AbortSignal.timeout(60_000)

void describe('the docker cluster', () => {
  let ground: Ground
  before(async () => {
    ground = await openGround()
  })
  after(() => ground.close())

  const make = (change: DeploymentChange = {}) => deploymentOf({ image: ground.image, ...change })
  const containersOf = (deployment: Deployment) =>
    ground.docker.listContainers({ all: true, filters: { label: [`${labels.deployment}=${deployment.id}`] } })
  const networksOf = (slug: string) =>
    ground.docker.listNetworks({
      filters: { label: [`${labels.installation}=${ground.installation}`, `${labels.owner}=${slug}`] }
    })

  testCluster('docker', async () => {
    await Promise.resolve()
    const cluster = ground.cluster()
    const otherInstallation = randomUUID()
    return {
      cluster,
      impatient: ground.cluster(impatient),
      other: ground.cluster({ installation: otherInstallation }),
      away: ground.cluster({ docker: { socketPath: '/nowhere/docker.sock' } }),
      image: ground.image,
      missingImage: { ...ground.image, digest: `sha256:${'0'.repeat(64)}` },
      tellsStreams: true,
      tellsExits: true,
      hasOwnEndpoints: true,
      async stopReplicas(deploymentId) {
        for (const { Id } of await containersOf(deploymentOf({ id: deploymentId }))) {
          await ground.docker.getContainer(Id).stop({ t: 0 })
        }
      },
      async print({ id }, text) {
        const object = (await cluster.list(signal())).find(({ deploymentId }) => deploymentId === id)
        const [endpoint] = object?.endpoints ?? []
        assert.ok(endpoint)
        await fetchText(endpoint, `/print?text=${encodeURIComponent(text)}`)
      },
      fetch: fetchText,
      close: () => removeAll(ground.docker, otherInstallation)
    }
  })

  void describe('what it tells of a function that does not become ready', () => {
    const refused = async (change: DeploymentChange, code: FailureCode, message: RegExp) => {
      const deployment = make(change)
      await assert.rejects(ground.cluster(impatient).apply(deployment, signal()), failureOf(code, message))
      assert.deepEqual(await containersOf(deployment), [])
    }

    test('one that listens elsewhere: that nothing listens on 8080', () =>
      refused(
        { behaviour: { listenPort: 9000 }, spec: { readiness: quick } },
        'not-ready',
        /nothing listens on port 8080/
      ))

    test('one without the path: which path, where it comes from and what changes it', () =>
      refused(
        { behaviour: { readyPath: '/_/other' }, spec: { readiness: quick } },
        'not-ready',
        /GET \/_\/ready on port 8080 answered 404.*comes from test.*com\.openfaas\.ready\.http\.path/
      ))

    test('one that is always busy: 429', () =>
      refused({ behaviour: { readyStatus: 429 }, spec: { readiness: quick } }, 'not-ready', /429 \(busy\)/))

    test('one that takes more memory than it may: its limit', () =>
      refused({ behaviour: { eatMib: 300 } }, 'not-ready', /memory limit of 128 MiB/))

    test('one that exits while it is asked: its code and lines, long before the time is over', async () => {
      const startedAt = Date.now()
      const behaviour = { exitCode: 7, exitAfterMs: 400, printError: ['no database'] }
      const deployment = make({ behaviour })
      const cluster = ground.cluster({ readyTimeoutMs: 60_000 })
      await assert.rejects(cluster.apply(deployment, signal()), failureOf('not-ready', /code 7[\s\S]*no database/))
      assert.ok(Date.now() - startedAt < 20_000)
    })

    test('one that exits with 0: that too', () => refused({ behaviour: { exitCode: 0 } }, 'not-ready', /code 0/))

    test('one whose program is not in its image', async () =>
      refused({ image: await ground.variant('CMD ["/nothing/here"]') }, 'not-ready', /\/nothing\/here/))

    test('one with less memory than the engine allows: what the engine says', () =>
      refused({ spec: { limits: { memoryBytes: 1024, cpuMillis: 100 } } }, 'unsupported', /memory/i))
  })

  test('a replica that is busy keeps its calls while another one is brought to help it', async () => {
    const cluster = ground.cluster(impatient)
    const deployment = make({ behaviour: { busyAfter: 1 }, spec: { readiness: quick } })
    const [first] = await cluster.apply(deployment, signal())
    const [before] = await containersOf(deployment)
    const endpoints = await cluster.scale({ ...deployment, status: 'live' }, 2, signal())
    assert.equal(endpoints.length, 2)
    assert.ok(endpoints.some(({ host }) => host === first?.host))
    assert.ok((await containersOf(deployment)).some(({ Id }) => Id === before?.Id))
    await cluster.remove(deployment.id, 0, signal())
  })

  void describe('addresses', () => {
    test('one that was given up is not given to the next replica', async () => {
      const cluster = ground.cluster()
      const keeper = make({ ownerSlug: 'bob', functionName: 'keeper' })
      await cluster.apply(keeper, signal())
      const given = new Set<string>()
      for (let i = 0; i < 3; i++) {
        const deployment = make({ ownerSlug: 'bob' })
        const [endpoint] = await cluster.apply(deployment, signal())
        assert.ok(endpoint)
        assert.ok(!given.has(endpoint.host))
        given.add(endpoint.host)
        await cluster.remove(deployment.id, 0, signal())
      }
      await cluster.remove(keeper.id, 0, signal())
    })

    test('a stopped replica keeps its own, also for another process of the same installation', async () => {
      // The smallest network that holds two replicas: what is free is certain to be chosen.
      const small = { subnetPrefix: 29 }
      const stopped = make({ ownerSlug: 'carol', functionName: 'stopped' })
      const [before] = await ground.cluster(small).apply(stopped, signal())
      const [container] = await containersOf(stopped)
      assert.ok(container)
      await ground.docker.getContainer(container.Id).stop({ t: 0 })
      const others = make({ ownerSlug: 'carol', replicas: 4 })
      const endpoints = await ground.cluster(small).apply(others, signal())
      assert.ok(endpoints.every(({ host }) => host !== before?.host))
      await assert.rejects(
        ground.cluster(small).apply(make({ ownerSlug: 'carol', functionName: 'one-more' }), signal()),
        failureOf('limit-exceeded', /no address is left/)
      )
      assert.deepEqual(await ground.cluster(small).apply(stopped, signal()), [before])
      for (const { id } of [stopped, others]) await ground.cluster().remove(id, 0, signal())
    })

    test('the owner has a network while there is something in it', async () => {
      const cluster = ground.cluster()
      const deployment = make({ ownerSlug: 'dave' })
      await cluster.apply(deployment, signal())
      const [network] = await networksOf('dave')
      assert.match(network?.Options?.['com.docker.network.bridge.name'] ?? '', /^slw[0-9a-f]{12}$/)
      await cluster.scale(deployment, 0, signal())
      await cluster.remove(deployment.id, 0, signal())
      assert.deepEqual(await networksOf('dave'), [])
    })
  })

  void describe('after something happened to the containers', () => {
    test('what was removed is made anew, its network too', async () => {
      const cluster = ground.cluster()
      const deployment = make({ ownerSlug: 'erin', replicas: 2 })
      await cluster.apply(deployment, signal())
      await removeContainers(await containersOf(deployment))
      for (const { Id } of await networksOf('erin')) await ground.docker.getNetwork(Id).remove()
      const endpoints = await cluster.apply(deployment, signal())
      assert.equal(endpoints.length, 2)
      for (const endpoint of endpoints) assert.equal(await fetchText(endpoint, '/'), 'hello')
      await cluster.remove(deployment.id, 0, signal())
    })

    test('a stopped replica whose network is gone is made anew', async () => {
      const cluster = ground.cluster()
      const deployment = make({ ownerSlug: 'frank' })
      await cluster.apply(deployment, signal())
      for (const { Id } of await containersOf(deployment)) await ground.docker.getContainer(Id).stop({ t: 0 })
      for (const { Id } of await networksOf('frank')) await ground.docker.getNetwork(Id).remove()
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      assert.equal(await fetchText(endpoint, '/'), 'hello')
      assert.equal((await containersOf(deployment)).length, 1)
      await cluster.remove(deployment.id, 0, signal())
    })

    test('a function that crashes is started again at the same address', async () => {
      const cluster = ground.cluster()
      const deployment = make()
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      await fetchText(endpoint, '/exit?code=1')
      await sleep(50)
      await answers(endpoint)
      await cluster.remove(deployment.id, 0, signal())
    })

    test('an image that is not on this machine any more is pulled, with the credentials of its registry', async () => {
      const image = await ground.variant('ENV PULLED=yes')
      await ground.docker.getImage(`${image.repository}:${image.tag}`).remove()
      const { registry } = ground
      const stranger = ground.cluster({ registryAuth: { [registry]: { username: 'eve', password: 'guess' } } })
      const deployment = make({ image })
      await assert.rejects(stranger.apply(deployment, signal()), failureOf('unavailable', /could not pull/))
      const cluster = ground.cluster()
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      await cluster.remove(deployment.id, 0, signal())
      await ground.docker
        .getImage(image.repository + '@' + image.digest)
        .tag({ repo: image.repository, tag: image.tag })
    })

    test('a broken replica beside one that runs does not take that one away', async () => {
      const cluster = ground.cluster()
      const deployment = make({ replicas: 1 })
      const endpoints = await cluster.apply(deployment, signal())
      const broken = { ...deployment, spec: { ...deployment.spec, environment: { EXIT_CODE: '4' } } }
      await assert.rejects(cluster.scale(broken, 2, signal()), failureOf('not-ready', /replica 2 of 2.*\n?.*code 4/))
      assert.deepEqual(await cluster.apply(deployment, signal()), endpoints)
      assert.equal((await containersOf(deployment)).length, 1)
      await cluster.remove(deployment.id, 0, signal())
    })
  })

  void describe('removing', () => {
    test('lets a call that was begun finish', async () => {
      const cluster = ground.cluster()
      const deployment = make()
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      const called = fetchJson(endpoint, '/slow?ms=1500')
      await begun(endpoint)
      await cluster.remove(deployment.id, 10_000, signal())
      assert.deepEqual(await called, { waited: 1500 })
    })

    test('waits no longer than the grace', async () => {
      const cluster = ground.cluster()
      const deployment = make()
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      const called = assert.rejects(fetchJson(endpoint, '/slow?ms=30000'))
      await begun(endpoint)
      const startedAt = Date.now()
      await cluster.remove(deployment.id, 1000, signal())
      assert.ok(Date.now() - startedAt < 10_000)
      await called
    })

    test('leaves containers of nobody and of other installations alone', async () => {
      const foreign = randomUUID()
      const lookalike = await ground.docker.createContainer({
        name: `slw-${ground.installation.slice(0, 8)}-alice-hello-${randomUUID().slice(0, 12)}-1`,
        Image: pinnedReference(ground.image),
        Labels: { [labels.installation]: foreign, [labels.deployment]: 'd', [labels.owner]: 'alice' }
      })
      const cluster = ground.cluster()
      const deployment = make()
      await cluster.apply(deployment, signal())
      assert.ok(!(await cluster.list(signal())).some(({ deploymentId }) => deploymentId === 'd'))
      await cluster.remove('d', 0, signal())
      await cluster.remove(deployment.id, 0, signal())
      assert.equal((await lookalike.inspect()).Id, lookalike.id)
      await lookalike.remove()
    })
  })

  test('a long line of the log comes in one piece, and an endless one in pieces', async () => {
    const cluster = ground.cluster()
    const deployment = make()
    const [endpoint] = await cluster.apply(deployment, signal())
    assert.ok(endpoint)
    for (const line of ['text=x&times=40000', 'text=y&times=150000', 'text=after']) {
      await fetchText(endpoint, `/print?${line}`)
    }
    const options = { follow: false, since: null, tail: null }
    const read = () => Array.fromAsync(cluster.logs(deployment.id, options, signal()))
    // The engine writes it down after it was printed.
    await waitFor(async () => (await read()).at(-1)?.text === 'after', { timeoutMs: 20_000, what: 'the last line' })
    const lines = await read()
    assert.equal(lines[0]?.text, 'x'.repeat(40_000))
    assert.equal(
      lines
        .slice(1, -1)
        .map(({ text }) => text)
        .join(''),
      'y'.repeat(150_000)
    )
    assert.ok(lines.every(({ text }) => text.length < 100_000))
    assert.equal(lines.at(-1)?.text, 'after')
    await cluster.remove(deployment.id, 0, signal())
  })

  async function removeContainers(containers: { Id: string }[]): Promise<void> {
    for (const { Id } of containers) await ground.docker.getContainer(Id).remove({ force: true })
  }
})

function failureOf(code: FailureCode, message: RegExp): (err: unknown) => boolean {
  return (err) => {
    assert.ok(err instanceof Failure, String(err))
    assert.equal(err.code, code, err.message)
    assert.match(err.message, message)
    return true
  }
}

/** Until the function has a slow call. */
async function begun(endpoint: Endpoint): Promise<void> {
  while ((await fetchJson(endpoint, '/slow/begun')).count === 0) await sleep(20)
}

async function answers(endpoint: Endpoint): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      await fetchText(endpoint, '/')
      return
    } catch {
      await sleep(50) // it is being started again
    }
  }
  assert.fail('it does not answer any more')
}
