import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { testCluster } from '@slipway/testing'
import { openGround } from './ground.fixture.ts'

testCluster('kubernetes', async () => {
  const ground = await openGround()
  const cluster = ground.cluster()
  const fetchText = async ({ host, port }: { host: string; port: number }, path: string) => {
    const answer = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(10_000) })
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`)
    return answer.text()
  }
  return {
    cluster,
    impatient: ground.cluster({ readyTimeoutMs: 4000 }),
    other: ground.cluster({ installation: randomUUID() }),
    away: ground.cluster({ kubeconfig: ground.awayKubeconfig }),
    image: ground.image,
    missingImage: { ...ground.image, digest: `sha256:${'0'.repeat(64)}` },
    stopReplicas: null,
    tellsStreams: false,
    tellsExits: true,
    hasOwnEndpoints: true,
    async print({ id }, text) {
      const object = (await cluster.list(AbortSignal.timeout(10_000))).find(({ deploymentId }) => deploymentId === id)
      const [endpoint] = object?.endpoints ?? []
      assert.ok(endpoint)
      await fetchText(endpoint, `/print?text=${encodeURIComponent(text)}`)
    },
    fetch: fetchText,
    close: ground.close
  }
})
