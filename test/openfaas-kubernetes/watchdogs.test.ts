import { waitFor } from '@slipway/machine'
import { openPushGround } from '../kubernetes/push-ground.fixture.ts'
import { testWatchdogs } from '../openfaas/watchdogs.fixture.ts'
import { withOpenFaasOwner } from '../system/openfaas-scene.ts'

testWatchdogs('on Kubernetes', async () => {
  const ground = await openPushGround({ READY_TIMEOUT_MS: '20000' })
  const scene = await withOpenFaasOwner(ground.scene).catch(async (err: unknown) => {
    await ground.close()
    throw err
  })
  return {
    scene,
    neverReady: /GET \/_\/ready on port 8080 .*statuscode: 503/,
    async untilFoundBusy(name) {
      await waitFor(
        async () => {
          const pods = await ground.podsOf('slipway-dave')
          const own = pods.filter(({ metadata }) => metadata?.labels?.['com.slipway.function'] === name)
          const ready = own[0]?.status?.conditions?.find(({ type }) => type === 'Ready')
          return own.length === 1 && ready?.status === 'False'
        },
        { timeoutMs: 60_000, what: `the kubelet to take ${name} for not ready` }
      )
    },
    close: () => ground.close()
  }
})
