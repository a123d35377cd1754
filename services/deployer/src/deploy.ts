import { randomUUID } from 'node:crypto'
import {
  type Build,
  type BuildFunction,
  type Claim,
  type Cluster,
  clusterNameOf,
  type Deployment,
  Failure,
  isRedeploy,
  type LogStep,
  type NewDeployment,
  pinnedReference,
  type Store
} from '@slipway/domain'
import { redactFailure } from '@slipway/secrets'
import { type Logger, limited, type RunStage } from '@slipway/service'
import { annotationsOf, labelsOf } from './labels.ts'
import type { Redactors } from './secrets/redactors.ts'

export interface DeployDeps {
  store: Pick<Store, 'builds' | 'deployments' | 'functions' | 'logs' | 'owners'>
  cluster: Pick<Cluster, 'apply' | 'remove'>
  runStage: RunStage
  redactors: Pick<Redactors, 'of'>
  forges: { get(forgeId: string): { kind: string; repositoryUrl(repository: Claim['repository']): string } | undefined }
  /** Does the registry have `host/path@sha256:…`? */
  hasImage(pinned: string, signal: AbortSignal): Promise<boolean>
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

/** A claim with the name under which this one run holds it. */
type Held = Claim & { holder: string }

interface Rollout {
  claim: Held
  build: Build
  parts: BuildFunction[]
  deployments: Deployment[]
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

  /** Which functions go out; paused ones stay as they are, and say so. */
  async function partsToDeploy(claim: Claim): Promise<BuildFunction[]> {
    const { build } = claim
    const all = await store.builds.functions(build.id)
    const parts: BuildFunction[] = []
    for (const part of all) {
      if (part.status !== 'built' && part.status !== 'deploying') continue
      const isAskedFor = build.trigger === 'rollback' || isRedeploy(build.trigger)
      const known = isAskedFor ? null : await store.functions.get(build.ownerId, part.name)
      if (known?.isPaused) {
        const reason = 'paused: pushes do not deploy it until it is resumed'
        await store.builds.updateFunction(build.id, part.name, { status: 'skipped', reason, finishedAt: now() })
        await say(build.id, part.name, `${part.name} is ${reason}`)
      } else {
        parts.push(part)
      }
    }
    return parts
  }

  /** An earlier image may be gone from the registry: that is told before anything is begun. */
  async function assertImages(parts: BuildFunction[], signal: AbortSignal): Promise<void> {
    for (const { name, image } of parts) {
      if (image === null || (await deps.hasImage(pinnedReference(image), signal))) continue
      throw new Failure(
        'image-missing',
        `${name}: its image is not in the registry any more (${pinnedReference(image)}): build its commit again with "slipway rebuild"`
      )
    }
  }

  async function prepare(claim: Held, parts: BuildFunction[]): Promise<Deployment[]> {
    const { build, repository, ownerSlug } = claim
    const owner = await store.owners.get(build.ownerId)
    const forge = deps.forges.get(repository.forgeId)
    const wanted = parts.map((part): NewDeployment => {
      if (part.spec === null || part.image === null) {
        throw new Failure(
          'invalid-transition',
          `function ${part.name} came to the roll-out without ${part.spec === null ? 'a plan' : 'an image'}`
        )
      }
      return {
        functionName: part.name,
        clusterName: clusterNameOf(ownerSlug, part.name),
        image: part.image,
        spec: part.spec,
        labels: labelsOf(part.spec, {
          build,
          repository,
          ownerSlug,
          forgeKind: forge?.kind ?? repository.forgeId,
          ownerForgeId: owner?.forgeOwnerId ?? '',
          at: now()
        }),
        annotations: annotationsOf(part.spec, forge?.repositoryUrl(repository) ?? ''),
        replicas: Math.max(1, part.spec.replicas.min),
        ...(build.trigger === 'rollback' && part.deploymentId !== null
          ? { existingDeploymentId: part.deploymentId }
          : {})
      }
    })
    return store.deployments.prepare(build.id, claim.holder, wanted, now())
  }

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

  async function tellFailed({ build, parts }: Rollout, failed: Started[]): Promise<void> {
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
    for (const part of parts.filter(({ name }) => !names.has(name))) {
      await store.builds.updateFunction(build.id, part.name, {
        status: 'cancelled',
        reason: `not switched: ${first} did not become ready`,
        finishedAt: now()
      })
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
      'not-ready',
      first === undefined ? 'not ready' : `${first.deployment.functionName}: ${reasons.get(first.deployment.id)}`
    )
  }

  /** Somebody took these functions in hand while they were starting: the others go on without them. */
  async function passOver(rollout: Rollout, deployments: Deployment[]): Promise<void> {
    const { build } = rollout
    await takeBack(rollout, deployments, new Map())
    const reason = 'paused, rolled back or removed while it was rolled out'
    for (const { functionName } of deployments) {
      await store.builds.updateFunction(build.id, functionName, { status: 'skipped', reason, finishedAt: now() })
      await say(build.id, functionName, `${functionName} was ${reason}`)
    }
  }

  async function switchTo(
    rollout: Rollout,
    ready: Deployment[],
    change: { keep: string[] | null; finish: boolean }
  ): Promise<void> {
    const { build, deployments } = rollout
    const what = { deploymentIds: ready.map(({ id }) => id), ...change, pause: build.trigger === 'rollback' }
    const switching = store.deployments.switchLive(build.id, rollout.claim.holder, what, now())
    const result = await switching.catch(async (err: unknown) => {
      if (err instanceof Failure && err.code === 'cancelled') await takeBack(rollout, deployments, new Map())
      throw err
    })
    const out = deployments.filter(({ functionName }) => result.passedOver.includes(functionName))
    if (out.length > 0 && out.length < ready.length) {
      await passOver(rollout, out)
      const rest = deployments.filter((deployment) => !out.includes(deployment))
      return switchTo(
        { ...rollout, deployments: rest },
        ready.filter((deployment) => !out.includes(deployment)),
        change
      )
    }
    if (!result.isSwitched) {
      await takeBack(rollout, deployments, new Map())
      const isByHand = result.passedOver.length > 0
      const reason = isByHand ? 'it was paused, rolled back or removed meanwhile' : 'a newer deployment is live already'
      throw new Failure('superseded', reason)
    }
    routesChanged()
    for (const { functionName } of ready) await say(build.id, functionName, `${functionName} is live`)
    if (result.pruned.length > 0)
      await say(build.id, null, `removed, for they left the stack: ${result.pruned.join(', ')}`, 'prune')
    logger.info(
      { buildId: build.id, functions: ready.map(({ clusterName }) => clusterName), pruned: result.pruned },
      'switched'
    )
  }

  /**
   * An earlier try got as far as to know that a function does not become ready, and was ended before it could end the build:
   * what it knew stands. What it started and could not take away any more is abandoned then, and recovery removes it.
   */
  async function refuseFailed(buildId: string): Promise<void> {
    const failed = (await store.builds.functions(buildId)).find(({ status }) => status === 'failed')
    if (failed !== undefined)
      throw new Failure('not-ready', `${failed.name}: ${failed.reason ?? 'it did not become ready'}`)
  }

  async function rollOut(claim: Held, signal: AbortSignal): Promise<void> {
    const { build } = claim
    await refuseFailed(build.id)
    const parts = await partsToDeploy(claim)
    if (build.trigger === 'rollback') await assertImages(parts, signal)
    const stackNames = (await store.builds.functions(build.id)).map(({ name }) => name)
    const deployments = await prepare(claim, parts)
    const rollout: Rollout = { claim, build, parts, deployments }
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
