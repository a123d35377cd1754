import { createOpenFaasScene } from '../system/openfaas-scene.ts'
import { testWatchdogs } from './watchdogs.fixture.ts'

testWatchdogs('on Docker', async () => {
  const scene = await createOpenFaasScene()
  return {
    scene,
    neverReady: /GET \/_\/ready on port 8080 answered 503/,
    // It is asked when it starts, and when others are started beside it.
    untilFoundBusy: () => Promise.resolve(),
    close: () => scene.close()
  }
})
