import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createOpenFaasCluster } from '@slipway/cluster/openfaas'
import { deploymentOf, functionImage, pushImage } from '@slipway/testing'
import Docker from 'dockerode'
import { createOpenFaasScene } from './openfaas-scene.ts'
test('x', async (t) => {
  const scene = await createOpenFaasScene({ READY_TIMEOUT_MS: '4000' })
  t.after(() => scene.close())
  const docker = new Docker()
  const { id } = await functionImage(docker)
  const repository = `${scene.registry}/dave/tried`
  const image = await pushImage(docker, { image: id, repository, tag: 'latest' })
  const cluster = createOpenFaasCluster({ installation: 'another', address: new URL(scene.installation.endpoints.gateway), credential: { username: 'any', password: scene.token }, namespaces: 'one', namespace: 'dave', pullSecret: null, filesOf: () => Promise.resolve(new Map()), readyTimeoutMs: 60_000, logger: { info: () => undefined, warn: (a: object, m: string) => console.log(a, m) } })
  const d = deploymentOf({ image })
  cluster.apply(d, AbortSignal.timeout(25_000)).then((e) => console.log('UP', e), (e) => console.log('ERR', e.message))
  for (let i = 0; i < 6; i++) {
    await sleep(3000)
    console.log((await scene.system('GET', '/system/functions')).text.slice(0, 3000))
  }
  const { items } = await scene.installation.api.listBuilds({ limit: 1 })
  console.log(JSON.stringify(items[0]))
  console.log(JSON.stringify(await scene.installation.api.getBuild({ id: items[0]?.id ?? '' })))
})
