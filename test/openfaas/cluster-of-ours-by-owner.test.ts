import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Deployment, endpointUrl } from '@slipway/domain'
import { deploymentOf, testCluster } from '@slipway/testing'
import { fetchText, type OurGround, openClusterOfOurs } from './cluster-of-ours.fixture.ts'

testCluster("Slipway's own gateway, to another Slipway with a namespace for each owner", () =>
  openClusterOfOurs('owner')
)

void describe("another Slipway's owners on Slipway's own gateway", () => {
  let ground: OurGround
  before(async () => {
    ground = await openClusterOfOurs('owner')
  })
  after(() => ground?.close())

  const signal = () => AbortSignal.timeout(60_000)

  test('have their secrets there as files, the newest of a name, until the last function that lists them goes', async () => {
    const filesOf = ({ secrets }: Deployment) =>
      Promise.resolve(
        new Map(secrets.map(({ name, versionId }) => [`${name}-key`, Buffer.from(`${name} ${versionId}`)]))
      )
    const cluster = ground.clusterAt(ground.address, { filesOf })
    const { image } = ground
    const withSecret = (versionId: string) =>
      deploymentOf({ image, secrets: [{ name: 'db', versionId }], spec: { secrets: ['db'] } })
    const read = async (deployment: Deployment) => {
      const [endpoint] = await cluster.apply(deployment, signal())
      assert.ok(endpoint)
      const answer = await fetchText(endpointUrl(endpoint), '/read?path=/var/openfaas/secrets/db-key')
      return (JSON.parse(answer) as { text: string }).text
    }
    const [former, next, last] = [withSecret('1'), withSecret('2'), withSecret('3')]
    assert.equal(await read(former), 'db 1')
    assert.equal(await read(next), 'db 2')
    await cluster.remove(former.id, 0, signal())
    await cluster.remove(next.id, 0, signal())
    assert.deepEqual(await cluster.list(signal()), [])
    // Nothing is left that another value would have to be put in the place of.
    assert.equal(await read(last), 'db 3')
    await cluster.remove(last.id, 0, signal())
    await cluster.close()
  })
})
