import {
  authorize,
  type Deployment,
  Failure,
  type FunctionRecord,
  isUploaded,
  type Resource,
  type Store,
  stepsOf
} from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { packFiles, type Uploads } from '@slipway/source'
import type { Handlers, Note } from '../handling.ts'
import type { Caller } from '../identify.ts'
import { resourceOf } from '../resource.ts'
import { imageFolderName, stackOfImage } from './image-stack.ts'
import type { Namespaces } from './namespaces.ts'
import type { FunctionDeployment, FunctionStatus } from './shapes.ts'

export interface FunctionsDeps {
  store: Pick<Store, 'functions' | 'deployments' | 'repositories' | 'builds' | 'traffic'>
  namespaces: Namespaces
  handlers: Pick<Handlers, 'removeFunction' | 'scaleFunction'>
  signals: Pick<Signals, 'send'>
  uploads: Pick<Uploads, 'receive'>
  note: Note
  now: () => number
}

type Live = FunctionRecord & { deployment: Deployment }

/** OpenFaaS' functions: those that are live, by what the store says. */
export function createFunctions({ store, namespaces, handlers, signals, uploads, note, now }: FunctionsDeps) {
  async function liveOf(record: FunctionRecord): Promise<Live | null> {
    const id = record.liveDeploymentId
    const deployment = id === null ? null : await store.deployments.get(id)
    return deployment === null ? null : { ...record, deployment }
  }

  async function find(owner: string, name: string): Promise<Live | null> {
    const { id } = await namespaces.ownerOf(owner)
    const record = await store.functions.get(id, name)
    return record === null ? null : liveOf(record)
  }

  async function known(owner: string, name: string): Promise<Live> {
    const found = await find(owner, name)
    if (found === null) throw notLive(owner, name)
    return found
  }

  async function callsOf(ownerId: string): Promise<Map<string, number>> {
    const { from, stepMs, count } = stepsOf('30d', now())
    const range = { from, until: from + count * stepMs, stepMs, source: 'hours' } as const
    const calls = new Map<string, number>()
    for (const step of await store.traffic.ofOwner(ownerId, range)) {
      calls.set(step.functionName, (calls.get(step.functionName) ?? 0) + step.calls)
    }
    return calls
  }

  /** What only some may see of a function is left out for others. */
  async function viewOf(live: Live, caller: Caller, calls: Map<string, number>): Promise<FunctionStatus> {
    const { ownerId, repositoryId } = live
    const repository = repositoryId === null ? null : await store.repositories.get(repositoryId)
    const resource: Resource =
      repository === null ? { kind: 'owner', ownerId, hasPublicPages: false } : resourceOf(repository)
    const may = (action: 'see-variables' | 'see-secrets') =>
      authorize(caller, caller.grants, action, resource) === 'allowed'
    return statusOf(live, calls.get(live.name) ?? 0, {
      hasVariables: may('see-variables'),
      hasSecrets: may('see-secrets')
    })
  }

  /** @throws Failure `conflict` for a function that does not come from images that are deployed here */
  async function assertOurs({ name, ownerSlug, repositoryId }: Live): Promise<void> {
    const repository = repositoryId === null ? null : await store.repositories.get(repositoryId)
    if (repository === null || (isUploaded(repository) && repository.name === imageFolderName(name))) return
    const whose = isUploaded(repository) ? 'the deployed folder' : 'repository'
    throw new Failure(
      'conflict',
      `function ${name} of ${ownerSlug} belongs to ${whose} ${repository.fullName}: change it there, or remove it first`
    )
  }

  return {
    async list(records: readonly FunctionRecord[], caller: Caller): Promise<FunctionStatus[]> {
      const calls = new Map<string, Map<string, number>>()
      const shown: FunctionStatus[] = []
      for (const record of records) {
        const live = await liveOf(record)
        if (live === null) continue
        const ofOwner = calls.get(record.ownerId) ?? (await callsOf(record.ownerId))
        calls.set(record.ownerId, ofOwner)
        shown.push(await viewOf(live, caller, ofOwner))
      }
      return shown
    },
    async get(owner: string, name: string, caller: Caller): Promise<FunctionStatus> {
      const live = await known(owner, name)
      return viewOf(live, caller, await callsOf(live.ownerId))
    },
    /**
     * @param isUpdate what is not there yet is not made.
     * @throws Failure `not-found`, `conflict`
     */
    async deploy(
      wanted: FunctionDeployment,
      owner: string,
      { isUpdate, caller, signal }: { isUpdate: boolean; caller: Caller; signal: AbortSignal }
    ): Promise<{ message: string; buildId: string }> {
      const { id: ownerId } = await namespaces.ownerOf(owner)
      const { service: name, image } = wanted
      const stack = stackOfImage(wanted)
      const there = await find(owner, name)
      if (there === null && isUpdate) throw notLive(owner, name)
      if (there !== null) await assertOurs(there)
      if (there !== null && !isUpdate) {
        throw new Failure('conflict', `function ${name} of ${owner} exists: update it with PUT`)
      }
      const { commit } = await uploads.receive(packFiles({ 'stack.yml': stack }), signal)
      const folder = { ownerId, name: imageFolderName(name), commit, sender: caller.name, message: `deploy ${image}` }
      const { build, overtaken } = await store.builds.queueUpload(folder, now())
      for (const buildId of overtaken) signals.send('cancel', { buildId })
      signals.send('builds', {})
      await note(caller, 'deploy', ownerId, `build/${build.id}`, { name, image, commit })
      return { message: `${name} of ${owner} is being deployed: build ${build.id}`, buildId: build.id }
    },
    async remove(owner: string, name: string, caller: Caller, signal: AbortSignal): Promise<{ message: string }> {
      await known(owner, name)
      return handlers.removeFunction({ owner, name }, caller, signal)
    },
    async scale(
      { owner, name, replicas }: { owner: string; name: string; replicas: number },
      caller: Caller,
      signal: AbortSignal
    ): Promise<{ message: string }> {
      await known(owner, name)
      await handlers.scaleFunction({ owner, name, replicas }, caller, signal)
      return { message: `${name} of ${owner} has ${replicas} replicas` }
    },
    known
  }
}

export type Functions = ReturnType<typeof createFunctions>

function notLive(owner: string, name: string): Failure {
  return new Failure('not-found', `no function ${name} of ${owner} is live`)
}

function statusOf(
  { name, ownerSlug, deployment }: Live,
  calls: number,
  { hasVariables, hasSecrets }: { hasVariables: boolean; hasSecrets: boolean }
): FunctionStatus {
  const { image, spec, labels, annotations, replicas, endpoints, createdAt } = deployment
  return {
    name,
    namespace: ownerSlug,
    image: image.tag === '' ? `${image.repository}@${image.digest}` : `${image.repository}:${image.tag}`,
    ...(spec.fprocess === null ? {} : { envProcess: spec.fprocess }),
    ...(hasVariables ? { envVars: spec.environment } : {}),
    constraints: spec.constraints,
    ...(hasSecrets ? { secrets: spec.secrets } : {}),
    labels,
    annotations,
    limits: resourcesOf(spec.limits),
    requests: spec.requests === null ? null : resourcesOf(spec.requests),
    readOnlyRootFilesystem: spec.hasReadonlyRoot,
    invocationCount: calls,
    replicas,
    availableReplicas: endpoints.length,
    createdAt: new Date(createdAt).toISOString()
  }
}

function resourcesOf({ memoryBytes, cpuMillis }: { memoryBytes: number; cpuMillis: number }) {
  const mib = memoryBytes / 1024 ** 2
  return { memory: Number.isInteger(mib) ? `${mib}Mi` : String(memoryBytes), cpu: `${cpuMillis}m` }
}
