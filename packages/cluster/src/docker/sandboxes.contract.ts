import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type Cluster, type Endpoint, functionPort, pinnedReference } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { type DeploymentChange, deploymentOf } from '@slipway/testing'
import { labels } from '../labels.ts'
import { fetchJson, fetchText, type Ground, openGround } from './contract-ground.fixture.ts'
import { createEngine } from './engine.ts'
import { createOwnerNetworks } from './network.ts'
import { createSandboxes } from './sandboxes.ts'
import { parseSubnet } from './subnet.ts'

const signal = () => AbortSignal.timeout(60_000)

void describe('networks that are kept ready', () => {
  let ground: Ground
  before(async () => {
    ground = await openGround()
  })
  after(() => ground.close())

  const make = (ownerSlug: string, change: DeploymentChange = {}) =>
    deploymentOf({ image: ground.image, ownerSlug, ...change })
  const open = (change: Parameters<Ground['cluster']>[0] = {}) => ground.cluster({ readyNetworks: 4, ...change })
  const containersOf = (ownerSlug: string, role: 'replica' | 'network', state: string[] = ['running']) =>
    ground.docker.listContainers({
      all: true,
      filters: {
        label: [
          `${labels.installation}=${ground.installation}`,
          `${labels.owner}=${ownerSlug}`,
          `${labels.role}=${role}`
        ],
        status: state
      }
    })
  const networksOf = (ownerSlug: string) =>
    ground.docker.listNetworks({
      filters: { label: [`${labels.installation}=${ground.installation}`, `${labels.owner}=${ownerSlug}`] }
    })

  /** Until one more waits than replicas have joined. */
  async function untilReady(ownerSlug: string): Promise<void> {
    const joined = async () => (await containersOf(ownerSlug, 'replica')).filter((one) => one.Labels[labels.sandbox])
    await waitFor(async () => (await containersOf(ownerSlug, 'network')).length > (await joined()).length, {
      timeoutMs: 20_000,
      what: 'a network to be ready'
    })
  }

  /** A function of an owner for whom something was rolled out before: it joins what is ready. */
  async function applyJoining(cluster: Cluster, ownerSlug: string) {
    const first = make(ownerSlug, { functionName: 'first' })
    await cluster.apply(first, signal())
    await untilReady(ownerSlug)
    const deployment = make(ownerSlug, { functionName: 'second' })
    const [endpoint] = await cluster.apply(deployment, signal())
    const container = (await containersOf(ownerSlug, 'replica')).find(
      ({ Labels }) => Labels[labels.deployment] === deployment.id
    )
    const sandboxId = container?.Labels[labels.sandbox]
    assert.ok(endpoint && container && sandboxId)
    return { first, deployment, endpoint, container, sandboxId }
  }

  test('the next replica joins one and is what any other is, and what holds it can do nothing', async () => {
    const cluster = open()
    const { first, deployment, endpoint, container, sandboxId } = await applyJoining(cluster, 'alice')
    assert.equal(await fetchText(endpoint, '/'), 'hello')
    const none = '0000000000000000'
    const { uid, capabilities, noNewPrivileges } = await fetchJson(endpoint, '/about')
    assert.deepEqual([uid, noNewPrivileges], [10_001, true])
    assert.deepEqual(capabilities, { effective: none, permitted: none, bounding: none })
    const replica = (await ground.docker.getContainer(container.Id).inspect()).HostConfig
    assert.equal(replica.NetworkMode, `container:${sandboxId}`)
    assert.deepEqual([replica.ReadonlyRootfs, replica.Privileged, replica.IpcMode], [true, false, 'private'])
    const [object] = (await cluster.list(signal())).filter(({ deploymentId }) => deploymentId === deployment.id)
    assert.deepEqual(object?.endpoints, [endpoint])

    const { HostConfig, Config } = await ground.docker.getContainer(sandboxId).inspect()
    assert.equal(Config.User, '65534:65534')
    assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.CapDrop, HostConfig.PidsLimit], [true, ['ALL'], 8])
    assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'])
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('it goes with its replica, and the one that waits with the last function of its owner', async () => {
    const cluster = open()
    const { first, deployment, sandboxId } = await applyJoining(cluster, 'carol')
    await untilReady('carol')
    await cluster.remove(deployment.id, 0, signal())
    const left = await containersOf('carol', 'network')
    assert.ok(left.length === 1 && left[0]?.Id !== sandboxId)
    await cluster.remove(first.id, 0, signal())
    assert.deepEqual(await containersOf('carol', 'network', []), [])
    assert.deepEqual(await networksOf('carol'), [])
  })

  test('one that a replica joined meanwhile does not go with those that wait', async () => {
    const cluster = open()
    const { first, deployment, endpoint } = await applyJoining(cluster, 'chloe')
    await untilReady('chloe')
    const engine = createEngine(ground.docker)
    const { installation } = ground
    const sandboxes = createSandboxes({
      engine,
      installation,
      networks: createOwnerNetworks({ engine, installation, pool: parseSubnet('10.201.0.0/16'), subnetPrefix: 26 }),
      addressesIn: () => Promise.resolve(new Set()),
      joined: async () =>
        new Set((await containersOf('chloe', 'replica')).flatMap(({ Labels }) => Labels[labels.sandbox] ?? [])),
      architecture: () => Promise.resolve('amd64'),
      resolvers: [],
      hasGateway: false,
      limit: 0,
      logger: { info: () => undefined, warn: () => undefined },
      now: Date.now
    })
    await sandboxes.removeAll('chloe', signal())
    assert.equal(await fetchText(endpoint, '/'), 'hello')
    assert.equal((await containersOf('chloe', 'network', [])).length, 1)
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('after everything stopped, as in a reboot, a replica runs again at its address', async () => {
    const cluster = open()
    const { first, deployment, endpoint, container, sandboxId } = await applyJoining(cluster, 'dave')
    for (const id of [container.Id, sandboxId]) await ground.docker.getContainer(id).stop({ t: 0 })
    assert.deepEqual(await cluster.apply(deployment, signal()), [endpoint])
    assert.equal(await fetchText(endpoint, '/'), 'hello')
    const [again] = (await containersOf('dave', 'replica')).filter(({ Id }) => Id === container.Id)
    assert.ok(again, 'it is the same container')
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('one whose address somebody took while it stood still is not waited for: the replica is made anew', async () => {
    const cluster = open()
    const { first, deployment, endpoint, container, sandboxId } = await applyJoining(cluster, 'dora')
    for (const id of [container.Id, sandboxId]) await ground.docker.getContainer(id).stop({ t: 0 })
    const [network] = await networksOf('dora')
    assert.ok(network)
    const thief = await ground.docker.createContainer({
      Image: pinnedReference(ground.image),
      Labels: { [labels.installation]: ground.installation },
      HostConfig: { NetworkMode: network.Name },
      NetworkingConfig: { EndpointsConfig: { [network.Name]: { IPAMConfig: { IPv4Address: endpoint.host } } } }
    })
    await thief.start()
    const [again] = await cluster.apply(deployment, signal())
    assert.ok(again && again.host !== endpoint.host)
    assert.equal(await fetchText(again, '/'), 'hello')
    await thief.remove({ force: true })
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('a function that crashes is started again in the same network', async () => {
    const cluster = open()
    const { first, deployment, endpoint } = await applyJoining(cluster, 'erin')
    await fetchText(endpoint, '/exit?code=1')
    await waitFor(() => fetchText(endpoint, '/').catch(() => null), { timeoutMs: 20_000, what: 'the function' })
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  for (const [what, end] of [
    ['stopped', (id: string) => ground.docker.getContainer(id).stop({ t: 0 })],
    ['removed', (id: string) => ground.docker.getContainer(id).remove({ force: true })]
  ] as const) {
    test(`a replica whose network was ${what} under it is not available, and is made anew`, async () => {
      const cluster = open()
      const owner = `frank-${what}`
      const { first, deployment, sandboxId } = await applyJoining(cluster, owner)
      await end(sandboxId)
      const [object] = (await cluster.list(signal())).filter(({ deploymentId }) => deploymentId === deployment.id)
      assert.equal(object?.availableReplicas, 0)
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      assert.equal(await fetchText(endpoint, '/'), 'hello')
      for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
      assert.deepEqual(await containersOf(owner, 'network', []), [])
    })
  }

  test('one that went away while it waited is done without', async () => {
    const cluster = open()
    const first = make('grace', { functionName: 'first' })
    await cluster.apply(first, signal())
    await untilReady('grace')
    for (const { Id } of await containersOf('grace', 'network'))
      await ground.docker.getContainer(Id).remove({ force: true })
    const deployment = make('grace')
    const [endpoint] = await cluster.apply(deployment, signal())
    assert.ok(endpoint)
    assert.equal(await fetchText(endpoint, '/'), 'hello')
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('a function that does not become ready takes its network along', async () => {
    const cluster = open({ readyTimeoutMs: 1500 })
    const first = make('heidi', { functionName: 'first' })
    await cluster.apply(first, signal())
    await untilReady('heidi')
    const broken = make('heidi', { behaviour: { exitCode: 3 } })
    await assert.rejects(cluster.apply(broken, signal()), { code: 'not-ready' })
    assert.deepEqual(await containersOf('heidi', 'network', []), [])
    await cluster.remove(first.id, 0, signal())
  })

  test("from there it reaches its owner's functions, and neither another owner's nor the host", async () => {
    const cluster = open()
    const own = await applyJoining(cluster, 'ivan')
    const stranger = await applyJoining(cluster, 'judy')
    const [sibling] = await cluster.apply(own.first, signal())
    assert.ok(sibling)
    const listener = createServer().listen(0, '0.0.0.0')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const bridge = own.endpoint.host.replace(/\d+$/, (last) => String(Number(last) - (Number(last) % 64) + 1))
    const dial = async (from: Endpoint, host: string, at: number) =>
      (await fetchJson(from, `/dial?host=${host}&port=${at}`)).outcome
    try {
      assert.equal(await dial(own.endpoint, sibling.host, functionPort), 'open')
      assert.equal(await dial(sibling, own.endpoint.host, functionPort), 'open')
      assert.equal(await dial(own.endpoint, stranger.endpoint.host, functionPort), 'timeout')
      assert.equal(await dial(stranger.endpoint, own.endpoint.host, functionPort), 'timeout')
      assert.equal(await dial(own.endpoint, bridge, port), 'timeout')
    } finally {
      listener.close()
    }
    for (const { id } of [own.deployment, own.first, stranger.deployment, stranger.first])
      await cluster.remove(id, 0, signal())
  })

  test('labels of a repository cannot point at the network of somebody else', async () => {
    const cluster = open()
    const { first, deployment, sandboxId, endpoint } = await applyJoining(cluster, 'kim')
    const imitation = { [labels.sandbox]: sandboxId, [labels.role]: 'network' }
    const thief = make('lou', { labels: imitation, annotations: imitation })
    await cluster.apply(thief, signal())
    await cluster.remove(thief.id, 0, signal())
    assert.equal(await fetchText(endpoint, '/'), 'hello')
    for (const { id } of [deployment, first]) await cluster.remove(id, 0, signal())
  })

  test('a process that ends leaves none that waits, and one that was killed has its removed later', async () => {
    const ending = open()
    const deployment = make('mia')
    await ending.apply(deployment, signal())
    await untilReady('mia')
    await ending.close()
    assert.deepEqual(await containersOf('mia', 'network', []), [])

    const killed = open()
    await killed.apply(make('mia', { functionName: 'other' }), signal())
    await untilReady('mia')
    const [left] = await containersOf('mia', 'network')
    const inHalfAnHour = open({ now: () => Date.now() + 30 * 60_000 })
    await inHalfAnHour.apply(make('mia', { functionName: 'third' }), signal())
    await waitFor(async () => (await containersOf('mia', 'network', [])).every(({ Id }) => Id !== left?.Id), {
      timeoutMs: 20_000,
      what: 'the abandoned one to go'
    })

    const other = open()
    for (const { deploymentId, ownerSlug } of await other.list(signal()))
      if (ownerSlug === 'mia') await other.remove(deploymentId, 0, signal())
    assert.deepEqual(await containersOf('mia', 'network', []), [], 'what others hold goes with the last function')
    assert.deepEqual(await networksOf('mia'), [])
  })

  test('none is kept where they are switched off, nor for more owners than allowed', async () => {
    const off = ground.cluster({ readyNetworks: 0 })
    await off.apply(make('nina'), signal())
    const one = open({ readyNetworks: 1 })
    await one.apply(make('olga'), signal())
    await one.apply(make('paul'), signal())
    await untilReady('olga')
    assert.deepEqual(await containersOf('nina', 'network', []), [])
    assert.deepEqual(await containersOf('paul', 'network', []), [])
  })

  test('two processes never give one network to two replicas', async () => {
    const [a, b] = [open(), open()]
    const owner = `q-${randomUUID().slice(0, 6)}`
    await a.apply(make(owner, { functionName: 'first' }), signal())
    await untilReady(owner)
    const endpoints = await Promise.all(
      [a, b, a, b].map((cluster, i) => cluster.apply(make(owner, { functionName: `f-${i}` }), signal()))
    )
    assert.equal(new Set(endpoints.flat().map(({ host }) => host)).size, 4)
  })
})
