import {
  type BuildFunction,
  type Claim,
  clusterNameOf,
  type Deployment,
  Failure,
  firstReplicas,
  isRedeploy,
  type NewDeployment,
  pinnedReference,
  type Store
} from '@slipway/domain'
import { annotationsOf, labelsOf } from './labels.ts'

/** A claim with the name under which this one run holds it. */
export type Held = Claim & { holder: string }

export interface PrepareDeps {
  store: Pick<Store, 'builds' | 'deployments' | 'functions' | 'owners'>
  forges: { get(forgeId: string): { kind: string; repositoryUrl(repository: Claim['repository']): string } | undefined }
  /** Does the registry have `host/path@sha256:…`? */
  hasImage(pinned: string, signal: AbortSignal): Promise<boolean>
  now: () => number
  say(buildId: string, functionName: string | null, text: string): Promise<void>
}

export interface Prepared {
  /** Every function that the stack has, those included that are not deployed. */
  stackNames: string[]
  parts: BuildFunction[]
  /** What this build is to start. */
  deployments: Deployment[]
  /** What is live already just as it is wanted. */
  staying: Deployment[]
}

/** What a roll-out has to do: it is written down before anything is started, and the same when it is asked again. */
export function createPrepare({ store, forges, hasImage, now, say }: PrepareDeps) {
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
      if (image === null || (await hasImage(pinnedReference(image), signal))) continue
      throw new Failure(
        'image-missing',
        `${name}: its image is not in the registry any more (${pinnedReference(image)}): build its commit again with "slipway rebuild"`
      )
    }
  }

  async function make(claim: Held, parts: BuildFunction[]): Promise<Deployment[]> {
    const { build, repository, ownerSlug } = claim
    const owner = await store.owners.get(build.ownerId)
    const forge = forges.get(repository.forgeId)
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
        replicas: firstReplicas(part.spec),
        // Who asks for a build by hand gets it, as who asks for a redeploy.
        mayStay: build.trigger !== 'rebuild' && !build.noCache,
        ...(build.trigger === 'rollback' && part.deploymentId !== null
          ? { existingDeploymentId: part.deploymentId }
          : {})
      }
    })
    return store.deployments.prepare(build.id, claim.holder, wanted, now())
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

  return async function prepare(claim: Held, signal: AbortSignal): Promise<Prepared> {
    const { build } = claim
    await refuseFailed(build.id)
    const parts = await partsToDeploy(claim)
    if (build.trigger === 'rollback') await assertImages(parts, signal)
    const stackNames = (await store.builds.functions(build.id)).map(({ name }) => name)
    const made = await make(claim, parts)
    const staying = made.filter(({ buildId }) => buildId !== build.id)
    for (const { functionName } of staying) {
      await say(build.id, functionName, `${functionName} is unchanged: it stays live as it is`)
    }
    return { stackNames, parts, deployments: made.filter(({ buildId }) => buildId === build.id), staying }
  }
}
