import { createCheckParts } from '../check-parts.ts'
import type { CleanUp } from '../clean-up.ts'
import { createInternal } from '../internal.ts'
import { certificateOf, listen } from '../internal-listener.ts'
import type { Reconciler } from '../reconciler.ts'
import type { Scaling } from '../scaling/scaling.ts'
import type { Ground } from './ground.ts'

export async function startInternalApi(
  ground: Ground,
  parts: { scaling: Scaling; routesChanged(): void; cleanUp: CleanUp; reconciler: Reconciler }
): Promise<void> {
  const { config, store, signals, cluster, registry, installation, paths, hasImage, now, logger, keep } = ground
  const { forges } = ground.forges.followed
  const { keeper, encryption, sealing, redactors } = ground.secrets
  const { scaling, routesChanged, cleanUp, reconciler } = parts
  const internal = createInternal({
    store,
    forges,
    cluster,
    scaling,
    cleanUp,
    checkParts: createCheckParts({ cluster, registry, registryHost: config.REGISTRY }),
    token: installation.internalToken,
    forgeAdministration: {
      ...ground.forges.administration,
      lookForInstallations: (forgeId) => reconciler.lookForInstallations(forgeId),
      async connectRepository(forgeId, id, signal) {
        const forge = forges.get(forgeId)
        const known = await store.repositories.findByForge(forgeId, id)
        if (forge === undefined) return
        await reconciler.connections.refresh(forge, known, { id, installationId: null }, 'event', signal)
      }
    },
    secrets: {
      keeper,
      keyrings: ground.forges.keyrings,
      encryption,
      sealing,
      queued: () => signals.send('builds', {})
    },
    isLoopbackTold: config.NOTIFY_LOOPBACK === 'on',
    redactors,
    hasImage,
    routesChanged,
    now,
    logger,
    certificate: certificateOf(config)
  })
  await listen(internal, config, paths.socket)
  keep('internal', internal)
}
