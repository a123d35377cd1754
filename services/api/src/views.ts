import type {
  AuditView,
  BuildDetail,
  BuildFunctionView,
  BuildView,
  DeliveryView,
  DeploymentView,
  FunctionView,
  OwnerView,
  RepositoryView,
  RunningView,
  VariableView
} from '@slipway/client'
import type {
  AuditEntry,
  Build,
  BuildFunction,
  ClusterObject,
  DeliveryRecord,
  Deployment,
  FunctionRecord,
  Owner,
  Repository,
  Store,
  Variable
} from '@slipway/domain'
import type { ForgeLinks } from './forge-links.ts'
import { scheduleView } from './schedule-view.ts'

/** Turns what the store holds into what the status API shows. Names of owners and repositories are looked up once an answer. */
export function createViews(
  store: Pick<Store, 'owners' | 'repositories' | 'builds' | 'deployments' | 'schedules'>,
  gatewayUrl: string | null,
  links: ForgeLinks,
  now: () => number
) {
  function remember<T>(find: (id: string) => Promise<T>): (id: string) => Promise<T> {
    const known = new Map<string, Promise<T>>()
    return (id) => {
      const found = known.get(id) ?? find(id)
      known.set(id, found)
      return found
    }
  }

  /** Look-ups for one answer. */
  function forOneAnswer() {
    const ownerOf = remember((id) => store.owners.get(id))
    const repositoryOf = remember((id) => store.repositories.get(id))
    const slugOf = async (id: string | null) => (id === null ? null : ((await ownerOf(id))?.slug ?? null))

    return {
      slug: slugOf,

      owner: ({ id, forgeId, login, slug, buildIsolation, isListed, suspension, createdAt }: Owner): OwnerView => ({
        id,
        forgeId,
        login,
        slug,
        buildIsolation,
        isListed,
        suspension,
        createdAt
      }),

      repository: async (one: Repository): Promise<RepositoryView> => ({
        id: one.id,
        owner: await slugOf(one.ownerId),
        forgeId: one.forgeId,
        fullName: one.fullName,
        defaultBranch: one.defaultBranch,
        isPrivate: one.isPrivate,
        branch: one.branch,
        stackPath: one.stackPath,
        isAtomic: one.isAtomic,
        policy: one.policy,
        isAutomatic: one.isAutomatic,
        hasPublicPages: one.hasPublicPages,
        access: one.access,
        connectedAt: one.connectedAt,
        disconnectedAt: one.disconnectedAt,
        removedAt: one.removedAt,
        url: links.repository(one),
        commitUrl: links.anyCommit(one)
      }),

      build: async (one: Build, known?: Repository | null): Promise<BuildView> => {
        const repository = known ?? (await repositoryOf(one.repositoryId))
        return {
          id: one.id,
          owner: await slugOf(one.ownerId),
          repositoryId: one.repositoryId,
          repository: repository?.fullName ?? '',
          ref: one.ref,
          commit: one.commit,
          before: one.before,
          trigger: one.trigger,
          status: one.status,
          reason: one.reason,
          generation: one.generation,
          attempt: one.attempt,
          nextAttemptAt: one.nextAttemptAt,
          message: one.message,
          sender: one.sender,
          warnings: one.warnings.map((warning) => ({ ...warning, url: links.line(repository, one.commit, warning) })),
          commitUrl: links.commit(repository, one.commit),
          createdAt: one.createdAt,
          startedAt: one.startedAt,
          deployingAt: one.deployingAt,
          finishedAt: one.finishedAt
        }
      },

      deployment: (one: Deployment): DeploymentView => ({
        id: one.id,
        owner: one.ownerSlug,
        function: one.functionName,
        name: one.clusterName,
        generation: one.generation,
        source: one.source,
        status: one.status,
        image: one.image,
        secrets: one.secrets,
        commit: one.commit,
        buildId: one.buildId,
        replicas: one.replicas,
        isScaledByHand: one.isScaledByHand,
        reason: one.reason,
        createdAt: one.createdAt,
        liveAt: one.liveAt,
        endedAt: one.endedAt
      }),

      function: async (one: FunctionRecord): Promise<FunctionView> => {
        const live = one.liveDeploymentId === null ? null : await store.deployments.get(one.liveDeploymentId)
        return {
          owner: one.ownerSlug,
          name: one.name,
          clusterName: one.clusterName,
          url: live === null || gatewayUrl === null ? null : `${gatewayUrl}/function/${one.clusterName}`,
          repositoryId: one.repositoryId,
          isPaused: one.isPaused,
          schedule: live === null ? null : await scheduleView(store, one, live, now()),
          live: live === null ? null : forOneAnswer().deployment(live),
          createdAt: one.createdAt,
          updatedAt: one.updatedAt
        }
      },

      audit: async ({ ownerId, ...one }: AuditEntry): Promise<AuditView> => ({ ...one, owner: await slugOf(ownerId) }),

      running: async (one: ClusterObject): Promise<RunningView> => ({
        deploymentId: one.deploymentId,
        owner: one.ownerSlug,
        name: one.clusterName,
        replicas: one.replicas,
        availableReplicas: one.availableReplicas,
        status: (await store.deployments.get(one.deploymentId))?.status ?? 'unknown',
        createdAt: one.createdAt
      }),

      delivery: (one: DeliveryRecord): DeliveryView => ({
        id: one.id,
        forgeId: one.forgeId,
        deliveryId: one.deliveryId,
        event: one.eventName,
        repositoryId: one.repositoryId,
        ref: one.ref,
        commit: one.commit,
        outcome: one.outcome,
        reason: one.reason,
        buildId: one.buildId,
        receivedAt: one.receivedAt
      })
    }
  }

  function part({
    name,
    status,
    reason,
    contentKey,
    image,
    isReused,
    deploymentId,
    startedAt,
    builtAt,
    finishedAt
  }: BuildFunction): BuildFunctionView {
    return { name, status, reason, contentKey, image, isReused, deploymentId, startedAt, builtAt, finishedAt }
  }

  const variable = ({ scope, ...about }: Variable): VariableView => ({
    scope: scope.kind,
    repositoryId: scope.kind === 'repository' ? scope.repositoryId : null,
    function: scope.kind === 'function' ? scope.functionName : null,
    ...about
  })

  return {
    forOneAnswer,
    variable,
    async buildDetail(build: Build): Promise<Omit<BuildDetail, 'turn' | 'waitsFor'>> {
      const repository = await store.repositories.get(build.repositoryId)
      const place = await store.builds.failureLocation(build.id)
      return {
        ...(await forOneAnswer().build(build, repository)),
        functions: (await store.builds.functions(build.id)).map(part),
        failure: place === null ? null : { ...place, url: links.line(repository, build.commit, place) }
      }
    }
  }
}

export type Views = ReturnType<typeof createViews>
