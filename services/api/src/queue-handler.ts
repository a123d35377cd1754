import type { BuildDetail, QueueView, WaitView } from '@slipway/client'
import {
  type Build,
  isSilent,
  isTerminal,
  type QueueLook,
  type Store,
  slotsSetting,
  type WaitReason
} from '@slipway/domain'
import type { HandlerDeps, Handlers } from './handling.ts'

/** Sentences, without their first capital and their end: "it waits: all slots are taken". */
const words: { [K in WaitReason['kind']]: (reason: Extract<WaitReason, { kind: K }>) => string } = {
  turn: () => 'it is next',
  worker: () => 'a worker has yet to take it up',
  slot: () => 'all slots are taken',
  'owner-limit': ({ most }) => `its owner may have ${most} at a time`,
  branch: () => 'an earlier build of its branch comes first',
  retry: () => 'it is tried again',
  owner: () => 'its forge has yet to say whose it is',
  name: () => 'its owner has no name here: an administrator gives it one',
  stopped: ({ reason }) => reason
}

function viewOf(reason: WaitReason): WaitView {
  const say = words[reason.kind] as (reason: WaitReason) => string
  return {
    kind: reason.kind,
    why: say(reason),
    buildId: reason.kind === 'branch' ? reason.buildId : null,
    at: reason.kind === 'retry' ? reason.at : null
  }
}

async function limitsOf(store: Pick<Store, 'settings' | 'limits'>): Promise<{ slots: number; perOwner: number }> {
  const most = Number(await store.settings.get(slotsSetting)) || 1
  return { slots: most, perOwner: (await store.limits.defaults()).builds ?? most }
}

/** What one build waits for, which everybody may know who may see it: no other owner is named in it. */
export function createWaits({ store, now }: Pick<HandlerDeps, 'store' | 'now'>) {
  return async ({ id, status }: Build): Promise<Pick<BuildDetail, 'turn' | 'waitsFor'>> => {
    const found = isTerminal(status) ? null : await store.queue.lookAt(id, await limitsOf(store), now())
    if (found === null) return { turn: null, waitsFor: null }
    return { turn: found.turn, waitsFor: found.waitsFor === null ? null : viewOf(found.waitsFor) }
  }
}

/** What the dispatcher goes by, for people to see. */
export function createQueueHandlers({ store, views, now }: HandlerDeps): Handlers<'getQueue'> {
  async function workers({ active }: QueueLook, at: number): Promise<QueueView['workers']> {
    return (await store.services.list()).flatMap((service) => {
      const { id, kind, host, seenAt, facts } = service
      if (kind !== 'builder' && kind !== 'deployer') return []
      const holds = active.filter(({ holder, waitsFor }) => holder === id && waitsFor === null).length
      return { id, kind, host, slots: facts.slots ?? null, holds, seenAt, isSilent: isSilent(service, at) }
    })
  }

  return {
    async getQueue() {
      const look = await store.queue.look(await limitsOf(store), now())
      const draining = await store.deployments.list(null, { status: 'draining' }, { before: null, limit: 200 })
      const view = views.forOneAnswer()
      return {
        slots: look.slots,
        owners: await Promise.all(
          look.owners.map(async ({ ownerId, ...rest }) => ({ owner: await view.slug(ownerId), ...rest }))
        ),
        active: await Promise.all(
          look.active.map(async ({ build, holder, leaseUntil, waitsFor }) => ({
            build: await view.build(build),
            worker: holder,
            leaseUntil,
            waitsFor: waitsFor === null ? null : viewOf(waitsFor)
          }))
        ),
        workers: await workers(look, now()),
        waiting: await Promise.all(
          look.waiting.map(async ({ build, turn, waitsFor }) => ({
            build: await view.build(build),
            turn,
            waitsFor: viewOf(waitsFor)
          }))
        ),
        waitingCount: look.waitingCount,
        draining: draining.map(({ id, ownerSlug, functionName, createdAt }) => ({
          deploymentId: id,
          owner: ownerSlug,
          function: functionName,
          createdAt
        }))
      }
    }
  }
}
