import { randomUUID } from 'node:crypto'
import {
  type Build,
  type BuildFunction,
  type Cluster,
  type Deployment,
  Failure,
  isRedeploy,
  type LogStep,
  type Store,
  startFailureOf
} from '@slipway/domain'
import { redactFailure } from '@slipway/secrets'
import { type Logger, limited, type RunStage } from '@slipway/service'
import { createPrepare, type Held, type PrepareDeps } from './deploy-prepare.ts'
import type { Redactors } from './secrets/redactors.ts'

export interface DeployDeps {
  store: Pick<Store, 'builds' | 'deployments' | 'functions' | 'logs' | 'owners'>
  cluster: Pick<Cluster, 'apply' | 'remove'>
  runStage: RunStage
  redactors: Pick<Redactors, 'of'>
  forges: PrepareDeps['forges']
  hasImage: PrepareDeps['hasImage']
  /** For the start of one function's new version. */
  startTimeoutMs: number
  holder: string
  leaseMs: number
  now: () => number
  logger: Logger
  /** The live deployments changed. */
  routesChanged(): void
  changed(buildId: string): void
}

interface Rollout {
  claim: Held
  build: Build
  parts: BuildFunction[]
  /** What this build starts. */
  deployments: Deployment[]
  /** What is live already just as it is wanted. */
  staying: Deployment[]
}

type Started = { deployment: Deployment; err: unknown }

/** The story of a roll-out: prepare, start beside the former version, wait until ready, switch, let the former one go. */
export function createDeploy(deps: DeployDeps) {
  const { store, cluster, runStage, leaseMs, now, logger, routesChanged, changed } = deps

  async function say(
    buildId: string,
    functionName: string | null,
    text: string,
    step: LogStep = 'deploy'
  ): Promise<void> {
    await store.logs.append(buildId, [{ at: now(), step, functionName, stream: 'slipway', text }])
    changed(buildId)
  }

  const prepare = createPrepare({ store, forges: deps.forges, hasImage: deps.hasImage, now, say })

  async function start(build: Build, deployment: Deployment, signal: AbortSignal): Promise<void> {
    const { functionName } = deployment
    await store.builds.updateFunction(build.id, functionName, { status: 'deploying', deploymentId: deployment.id })
    await say(
      build.id,
      functionName,
      `starting ${deployment.replicas} replica${deployment.replicas === 1 ? '' : 's'} of ${deployment.clusterName}`
    )
    const startedAt = now()
    const limit = { what: `starting ${deployment.clusterName}`, ms: deps.startTimeoutMs, setting: 'ROLLOUT_TIMEOUT_MS' }
    const applying = limited(limit, signal, (stop) => cluster.apply(deployment, stop))
    const endpoints = await applying.catch(async (err: unknown) => {
      // It may tell what the function printed last.
      throw redactFailure(err, await deps.redactors.of(deployment.ownerId))
    })
    await store.deployments.setEndpoints(deployment.id, endpoints, deployment.replicas)
    await say(
      build.id,
      functionName,
      `${deployment.clusterName} is ready after ${((now() - startedAt) / 1000).toFixed(1)} s`
    )
  }

  /**
   * Takes back what this roll-out started. The former version was never touched. One that a rollback could not bring back
   * was good once and may be tried again.
   */
  async function takeBack(
    { build, claim }: Pick<Rollout, 'build' | 'claim'>,
    deployments: Deployment[],
    failed: Map<string, string>
  ): Promise<void> {
    // Whoever has the roll-out now has the same deployments, and may have made them live.
    const { isHeld } = await store.builds.renew(build.id, claim.holder, leaseMs, now())
    if (!isHeld) throw new Failure('lease-lost', 'another worker has the roll-out')
    for (const { id } of deployments) {
      await cluster.remove(id, 0, AbortSignal.timeout(30_000))
      const reason = failed.get(id) ?? null
      const status = reason === null || build.trigger === 'rollback' ? 'ended' : 'failed'
      await store.deployments.end(id, status, reason, now())
    }
  }

  async function tellFailed({ build, parts, staying }: Rollout, failed: Started[]): Promise<void> {
    for (const { deployment, err } of failed) {
      const reason = err instanceof Error ? err.message : String(err)
      // The log first: its end goes onto the commit with the failure.
      await say(build.id, deployment.functionName, reason)
      await store.builds.updateFunction(build.id, deployment.functionName, {
        status: 'failed',
        reason,
        finishedAt: now()
      })
    }
    const names = new Set(failed.map(({ deployment }) => deployment.functionName))
    const first = failed[0]?.deployment.functionName
    for (const { name } of parts.filter((part) => !names.has(part.name))) {
      const end = staying.some(({ functionName }) => functionName === name)
        ? { status: 'skipped' as const, reason: 'unchanged: stays live' }
        : { status: 'cancelled' as const, reason: `not switched: ${first} did not become ready` }
      await store.builds.updateFunction(build.id, name, { ...end, finishedAt: now() })
    }
  }

  /** Some are not ready. All or nothing, unless the repository's setting says otherwise. */
  async function fallBack(rollout: Rollout, ready: Deployment[], failed: Started[]): Promise<never> {
    const { claim, build, deployments } = rollout
    const reasons = new Map(
      failed.map(({ deployment, err }) => [deployment.id, err instanceof Error ? err.message : String(err)])
    )
    const isPartial = !claim.repository.isAtomic && ready.length > 0
    if (isPartial) {
      const broken = failed.map(({ deployment }) => deployment)
      await takeBack(rollout, broken, reasons)
      // The switch first: what is told of a failure ends every later try of the roll-out.
      const rest = deployments.filter((deployment) => !broken.includes(deployment))
      await switchTo({ ...rollout, deployments: rest }, ready, { keep: null, finish: false })
      await tellFailed({ ...rollout, parts: [] }, failed)
    } else {
      await takeBack(rollout, deployments, reasons)
      await tellFailed(rollout, failed)
      await say(build.id, null, 'the former version stays live')
    }
    const first = failed[0]
    throw new Failure(
      startFailureOf(first?.err instanceof Failure ? first.err.code : undefined),
      first === undefined ? 'not ready' : `${first.deployment.functionName}: ${reasons.get(first.deployment.id)}`
    )
  }

  /** Somebody took these functions in hand while they were starting: the others go on without them. */
  async function passOver(rollout: Rollout, names: string[]): Promise<void> {
    const { build, deployments } = rollout
    const started = deployments.filter(({ functionName }) => names.includes(functionName))
    await takeBack(rollout, started, new Map())
    const reason = 'paused, rolled back or removed while it was rolled out'
    for (const functionName of names) {
      await store.builds.updateFunction(build.id, functionName, { status: 'skipped', reason, finishedAt: now() })
      await say(build.id, functionName, `${functionName} was ${reason}`)
    }
  }

  async function switchTo(
    rollout: Rollout,
    ready: Deployment[],
    change: { keep: string[] | null; finish: boolean }
  ): Promise<void> {
    const { build, deployments, staying } = rollout
    const all = [...ready, ...staying]
    const what = { deploymentIds: all.map(({ id }) => id), ...change, pause: build.trigger === 'rollback' }
    const switching = store.deployments.switchLive(build.id, rollout.claim.holder, what, now())
    const result = await switching.catch(async (err: unknown) => {
      if (err instanceof Failure && err.code === 'cancelled') await takeBack(rollout, deployments, new Map())
      throw err
    })
    const { passedOver } = result
    if (passedOver.length > 0 && passedOver.length < all.length) {
      await passOver(rollout, passedOver)
      const isLeft = ({ functionName }: Deployment) => !passedOver.includes(functionName)
      const rest = { ...rollout, deployments: deployments.filter(isLeft), staying: staying.filter(isLeft) }
      return switchTo(rest, ready.filter(isLeft), change)
    }
    if (!result.isSwitched) {
      await takeBack(rollout, deployments, new Map())
      const isByHand = passedOver.length > 0
      const reason = isByHand ? 'it was paused, rolled back or removed meanwhile' : 'a newer deployment is live already'
      throw new Failure('superseded', reason)
    }
    routesChanged()
    for (const { functionName } of ready) await say(build.id, functionName, `${functionName} is live`)
    if (result.pruned.length > 0)
      await say(build.id, null, `removed, for they left the stack: ${result.pruned.join(', ')}`, 'prune')
    logger.info(
      {
        buildId: build.id,
        functions: ready.map(({ clusterName }) => clusterName),
        unchanged: staying.map(({ clusterName }) => clusterName),
        pruned: result.pruned
      },
      'switched'
    )
  }

  async function rollOut(claim: Held, signal: AbortSignal): Promise<void> {
    const { build } = claim
    const { stackNames, parts, deployments, staying } = await prepare(claim, signal)
    const rollout: Rollout = { claim, build, parts, deployments, staying }
    const results = await Promise.allSettled(deployments.map((deployment) => start(build, deployment, signal)))
    const failed = results.flatMap((result, i): Started[] =>
      result.status === 'rejected' ? [{ deployment: deployments[i] as Deployment, err: result.reason }] : []
    )
    if (signal.aborted) {
      // A shutdown leaves them for the next worker, for starting is idempotent; anything else takes them back.
      if (signal.reason instanceof Error && signal.reason.message === 'cancelled')
        await takeBack(rollout, deployments, new Map())
      throw signal.reason
    }
    const ours = failed.find(({ err }) => !(err instanceof Failure) || err.retry)
    if (ours !== undefined) throw ours.err
    const ready = deployments.filter((deployment) => !failed.some((one) => one.deployment === deployment))
    if (failed.length > 0) await fallBack(rollout, ready, failed)
    // What is not in a rollback or a redeploy has not left the stack.
    const keep = build.trigger === 'rollback' || isRedeploy(build.trigger) ? null : stackNames
    await switchTo(rollout, ready, { keep, finish: true })
  }

  return async function deploy({ buildId }: { buildId: string }, shutdown: AbortSignal): Promise<void> {
    const holder = `${deps.holder}-${randomUUID()}`
    const claimed = await store.builds.claimDeploy(buildId, holder, leaseMs, now())
    if (claimed === null) return
    const claim: Held = { ...claimed, holder }
    changed(buildId)
    await runStage(claim.build, holder, shutdown, (signal) => rollOut(claim, signal))
  }
}
