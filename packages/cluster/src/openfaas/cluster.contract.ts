import { randomUUID } from 'node:crypto'
import { pinnedReference } from '@slipway/domain'
import { freePort } from '@slipway/machine'
import { createProcessRuntime, imageOf, isListening, startOpenFaas, testCluster } from '@slipway/testing'
import { createOpenFaasCluster, type OpenFaasClusterOptions } from './cluster.ts'

const silent = { info: () => undefined, warn: () => undefined }

testCluster('OpenFaaS, as its Community Edition is specified,', async () => {
  const image = imageOf('hello')
  const processes = createProcessRuntime((name) => name === pinnedReference(image))
  // Who is impatient gives up as soon as a function has said or shown what is the matter with it, however long that took.
  let skippedMs = 0
  const server = await startOpenFaas({
    runtime: {
      ...processes,
      async start(wanted) {
        const replica = await processes.start(wanted)
        const look = setInterval(async () => {
          if ((await replica.lines()).length === 0 && !(await isListening(replica.address))) return
          clearInterval(look)
          skippedMs += 60_000
        }, 50)
        return {
          ...replica,
          stop() {
            clearInterval(look)
            return replica.stop()
          }
        }
      }
    },
    authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}`,
    // A stream is opened again and again within the test.
    followMs: 300
  })
  const clusterAt = (address: URL, change: Partial<OpenFaasClusterOptions> = {}) =>
    createOpenFaasCluster({
      installation: 'contract',
      address,
      credential: { username: 'admin', password: 'secret' },
      namespaces: 'one',
      namespace: null,
      pullSecret: null,
      filesOf: () => Promise.resolve(new Map()),
      readyTimeoutMs: 30_000,
      logger: silent,
      ...change
    })
  const cluster = clusterAt(server.url)
  return {
    cluster,
    impatient: clusterAt(server.url, { monotonicNow: () => performance.now() + skippedMs }),
    other: clusterAt(server.url, { installation: randomUUID() }),
    away: clusterAt(new URL(`http://127.0.0.1:${await freePort()}`)),
    image,
    missingImage: imageOf('hello', 'b'),
    stopReplicas: null,
    tellsStreams: false,
    tellsExits: false,
    hasOwnEndpoints: false,
    async print(deployment, text) {
      const found = await cluster.list(AbortSignal.timeout(10_000))
      const [endpoint] = found.find(({ deploymentId }) => deploymentId === deployment.id)?.endpoints ?? []
      if (endpoint === undefined) throw new Error('it has no replica that could print')
      await fetchText(endpoint, `/print?text=${encodeURIComponent(text)}`)
    },
    fetch: fetchText,
    async close() {
      await cluster.close()
      await server.close()
    }
  }
})

async function fetchText({ host, port, path = '' }: { host: string; port: number; path?: string }, target: string) {
  const answer = await fetch(`http://${host}:${port}${path}${target}`, { signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`GET ${target} answered ${answer.status}`)
  return await answer.text()
}
