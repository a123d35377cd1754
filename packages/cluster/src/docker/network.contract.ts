import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { connectDocker } from '@slipway/machine'
import Docker from 'dockerode'
import { removeAll } from './contract-ground.fixture.ts'
import { createEngine, type Engine } from './engine.ts'
import { hostNetworks } from './host-networks.ts'
import { createOwnerNetworks } from './network.ts'
import { formatSubnet, overlaps, parseSubnet } from './subnet.ts'

const signal = () => AbortSignal.timeout(120_000)

void describe('networks of owners', () => {
  let docker: Docker
  let engine: Engine
  const installations: string[] = []
  before(async () => {
    const { connection } = await connectDocker()
    docker = new Docker(connection)
    engine = createEngine(connection)
  })
  after(async () => {
    for (const installation of installations) await removeAll(docker, installation)
    engine.close()
  })
  const open = (pool: string, installation: string = randomUUID()) => {
    installations.push(installation)
    return createOwnerNetworks({ engine, installation, pool: parseSubnet(pool), subnetPrefix: 26 })
  }

  test('sixty owners of two installations that share a pool of 64 each get one of their own, all at once', async () => {
    const all = [open('10.202.0.0/20'), open('10.202.0.0/20')]
    const slugs = Array.from({ length: 30 }, (_, index) => `owner-${index}`)
    const made = await Promise.all(
      all.flatMap((networks) =>
        // Four at a time: the engine is shared.
        [0, 1].map(async (half) => {
          const mine = slugs.filter((_, index) => index % 2 === half)
          return await Array.fromAsync(mine, (slug) => networks.ensure(slug, signal()))
        })
      )
    )
    const networks = made.flat()
    assert.equal(networks.length, 60)
    const pool = parseSubnet('10.202.0.0/20')
    for (const [index, { subnet }] of networks.entries()) {
      assert.ok(overlaps(subnet, pool), formatSubnet(subnet))
      const twin = networks.findIndex((other, at) => at !== index && overlaps(other.subnet, subnet))
      assert.equal(twin, -1, formatSubnet(subnet))
    }
    for (const one of all) for (const slug of slugs) await one.remove(slug, signal())
    assert.equal(await all[0]?.find('owner-0', signal()), null)
  })

  test('asked for at once by several, it is made once', async () => {
    const installation = randomUUID()
    const processes = [open('10.202.0.0/20', installation), open('10.202.0.0/20', installation)]
    const made = await Promise.all([...processes, ...processes].map((networks) => networks.ensure('alice', signal())))
    assert.equal(new Set(made.map(({ id }) => id)).size, 1)
  })

  test('what an interface of the host or another network covers is not taken, and an empty pool says so', async () => {
    const networks = open('10.203.0.0/25')
    const foreign = randomUUID()
    installations.push(foreign)
    await docker.createNetwork({
      Name: `foreign-${foreign}`,
      Labels: { 'com.slipway.installation': foreign },
      IPAM: { Driver: 'default', Config: [{ Subnet: '10.203.0.0/28' }] }
    })
    const { subnet } = await networks.ensure('alice', signal())
    assert.equal(formatSubnet(subnet), '10.203.0.64/26')
    assert.ok((await hostNetworks()).some((known) => overlaps(known, subnet)))
    await assert.rejects(networks.ensure('bob', signal()), { code: 'unavailable', message: /10\.203\.0\.0\/25/ })
  })

  test('a network of that name that is not ours is neither used nor removed', async () => {
    const networks = open('10.202.0.0/20')
    const foreign = randomUUID()
    installations.push(foreign)
    const network = await docker.createNetwork({
      Name: networks.nameOf('alice'),
      Labels: { 'com.slipway.installation': foreign }
    })
    await assert.rejects(networks.ensure('alice', signal()), { code: 'conflict' })
    await assert.rejects(networks.remove('alice', signal()), { code: 'conflict' })
    assert.equal((await network.inspect()).Name, networks.nameOf('alice'))
  })
})
