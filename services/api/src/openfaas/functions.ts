import {
  authorize,
  clusterNameOf,
  Failure,
  type FunctionRecord,
  imageFolderName,
  isTerminal,
  isUploaded,
  type Resource,
  type Store,
  stepsOf,
  type Whose
} from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { packFiles, type Uploads } from '@slipway/source'
import type { Handlers, Note } from '../handling.ts'
import type { Caller } from '../identify.ts'
import { resourceOf } from '../resource.ts'
import { type Live, type Sight, statusOf, statusOfUnderway } from './function-status.ts'
import { stackOfImage } from './image-stack.ts'
import type { Namespaces } from './namespaces.ts'
import type { FunctionDeployment, FunctionStatus } from './shapes.ts'
import { createUnderway, type Underway } from './underway.ts'

export interface FunctionsDeps {
  store: Pick<Store, 'functions' | 'deployments' | 'repositories' | 'builds' | 'traffic'>
  namespaces: Namespaces
  handlers: Pick<Handlers, 'removeFunction' | 'scaleFunction' | 'cancelBuild'>
  signals: Pick<Signals, 'send'>
  uploads: Pick<Uploads, 'receive' | 'read'>
  note: Note
  now: () => number
}

/** OpenFaaS' functions: those that are live, and images that are to be, by what the store says. */
export function createFunctions({ store, namespaces, handlers, signals, uploads, note, now }: FunctionsDeps) {
  const underway = createUnderway({ store, uploads })

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

  async function known(owner: string, name: string, signal: AbortSignal): Promise<Live | Underway> {
    const { id } = await namespaces.ownerOf(owner)
    const found = (await find(owner, name)) ?? (await underway.find(id, name, signal))
    if (found === null) throw notThere(owner, name)
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

  function sightOf(caller: Caller, resource: Resource): Sight {
    const may = (action: 'see-variables' | 'see-secrets') =>
      authorize(caller, caller.grants, action, resource) === 'allowed'
    return { hasVariables: may('see-variables'), hasSecrets: may('see-secrets') }
  }

  /** What only some may see of a function is left out for others. */
  async function viewOf(live: Live, caller: Caller, calls: Map<string, number>): Promise<FunctionStatus> {
    const { ownerId, repositoryId } = live
    const repository = repositoryId === null ? null : await store.repositories.get(repositoryId)
    const resource: Resource =
      repository === null ? { kind: 'owner', ownerId, hasPublicPages: false } : resourceOf(repository)
    return statusOf(live, calls.get(live.name) ?? 0, sightOf(caller, resource))
  }

  const viewOfUnderway = (one: Underway, owner: string, caller: Caller): FunctionStatus =>
    statusOfUnderway(one, owner, sightOf(caller, resourceOf(one.repository)))

  /** Nothing of it is to come up any more. One that goes live at this moment is removed as what is live. */
  async function giveUp({ build: { id, status } }: Underway, caller: Caller, signal: AbortSignal): Promise<void> {
    if (isTerminal(status)) return
    try {
      await handlers.cancelBuild({ id }, caller, signal)
    } catch (err) {
      if (!(err instanceof Failure) || err.code !== 'conflict') throw err
    }
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
    /** @param whose of which those are looked for that are not live yet. */
    async list(
      records: readonly FunctionRecord[],
      whose: Whose,
      caller: Caller,
      signal: AbortSignal
    ): Promise<FunctionStatus[]> {
      const calls = new Map<string, Map<string, number>>()
      const shown: FunctionStatus[] = []
      const isShown = new Set<string>()
      for (const record of records) {
        const live = await liveOf(record)
        if (live === null) continue
        const ofOwner = calls.get(record.ownerId) ?? (await callsOf(record.ownerId))
        calls.set(record.ownerId, ofOwner)
        shown.push(await viewOf(live, caller, ofOwner))
        isShown.add(`${record.ownerId}/${record.name}`)
      }
      for (const one of await underway.list(whose, (ownerId, name) => isShown.has(`${ownerId}/${name}`), signal)) {
        const slug = (await namespaces.slugOf(one.repository.ownerId)) ?? ''
        shown.push(viewOfUnderway(one, slug, caller))
      }
      return shown
    },
    async get(owner: string, name: string, caller: Caller, signal: AbortSignal): Promise<FunctionStatus> {
      const found = await known(owner, name, signal)
      if ('request' in found) return viewOfUnderway(found, owner, caller)
      return viewOf(found, caller, await callsOf(found.ownerId))
    },
    /**
     * @param isUpdate what is not there yet is not made.
     * @throws Failure `not-found`, `conflict`; `name-taken` for one that is there and is to be made
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
      if (there === null && isUpdate && (await underway.find(ownerId, name, signal)) === null) {
        throw notThere(owner, name)
      }
      if (there !== null) await assertOurs(there)
      if (there !== null && !isUpdate) {
        throw new Failure('name-taken', `function ${name} of ${owner} exists: update it with PUT`)
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
      const { id: ownerId } = await namespaces.ownerOf(owner)
      const found = await known(owner, name, signal)
      const folder = await underway.folder(ownerId, name)
      if (folder !== null) await store.repositories.setRemoved(folder.id, now())
      if ('request' in found) await giveUp(found, caller, signal)
      if ((await store.functions.get(ownerId, name)) !== null) {
        return handlers.removeFunction({ owner, name }, caller, signal)
      }
      await note(caller, 'remove', ownerId, `function/${clusterNameOf(owner, name)}`)
      return { message: `${name} of ${owner} is not deployed any more` }
    },
    async scale(
      { owner, name, replicas }: { owner: string; name: string; replicas: number },
      caller: Caller,
      signal: AbortSignal
    ): Promise<{ message: string }> {
      const found = await known(owner, name, signal)
      if ('request' in found) {
        throw new Failure('unavailable', `${name} of ${owner} is not live yet: scale it once it is`)
      }
      await handlers.scaleFunction({ owner, name, replicas }, caller, signal)
      return { message: `${name} of ${owner} has ${replicas} replicas` }
    },
    /** Whose replicas print; null, and in words, where none came up. */
    async printing(
      owner: string,
      name: string,
      signal: AbortSignal
    ): Promise<{ deploymentId: string | null; failure: string | null; at: number }> {
      const found = await known(owner, name, signal)
      if ('deployment' in found) return { deploymentId: found.deployment.id, failure: null, at: 0 }
      const { deploymentId, failure, build } = found
      if (failure === null) return { deploymentId, failure, at: 0 }
      return { deploymentId: null, failure: failure.words, at: build.finishedAt ?? build.createdAt }
    }
  }
}

export type Functions = ReturnType<typeof createFunctions>

function notThere(owner: string, name: string): Failure {
  return new Failure('not-found', `no function ${name} of ${owner} is live or being deployed`)
}
