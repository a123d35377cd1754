import type { ForgeApi } from '@slipway/domain'
import { createConsumer } from '@slipway/queue'
import { createStage } from '@slipway/service'
import { createDeploy } from '../deploy.ts'
import type { Ground } from './ground.ts'

/** The worker that brings built functions live. */
export function startDeploys(ground: Ground, parts: { routesChanged(): void; dispatch(): void }): void {
  const { config, store, signals, cluster, secrets, forges, hasImage, holder, queue, now, logger, keep } = ground
  const { routesChanged, dispatch } = parts
  const changed = (buildId: string) => signals.send('changed', { buildId })
  const runStage = createStage({
    builds: store.builds,
    leaseMs: config.LEASE_MS,
    now,
    logger,
    onCancel: (listener) => signals.listen('cancel', ({ buildId }) => listener(buildId)),
    changed: (buildId) => {
      changed(buildId)
      dispatch()
    }
  })
  const deploy = createDeploy({
    store,
    cluster,
    runStage,
    redactors: secrets.redactors,
    forges: describe(forges.followed.forges),
    hasImage,
    startTimeoutMs: config.ROLLOUT_TIMEOUT_MS,
    holder,
    leaseMs: config.LEASE_MS,
    now,
    logger,
    routesChanged,
    changed
  })
  const consumer = createConsumer('deploy', queue, deploy, {
    concurrency: config.DEPLOY_CONCURRENCY,
    graceMs: config.STOP_GRACE_MS,
    onError: ground.onRedisError
  })
  keep('deploy worker', consumer)
}

/** What roll-outs say of where something came from. */
function describe(forges: ReadonlyMap<string, ForgeApi>) {
  return {
    get(forgeId: string) {
      const api = forges.get(forgeId)
      if (api === undefined) return undefined
      const { kind } = api.instance
      return { kind, repositoryUrl: (repository: { fullName: string }) => api.repositoryUrl(repository) }
    }
  }
}
