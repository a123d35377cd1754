import type { HealthView, InternalApi } from '@slipway/client'
import { Failure, isSilent, type RunningService, type Store } from '@slipway/domain'
import type { Handlers } from './handling.ts'

export interface HealthHandlerDeps {
  store: Pick<Store, 'services'>
  internal: Pick<InternalApi, 'checkParts'>
  /** What `/readyz` asks: each throws when it is away. */
  needs: Readonly<Record<string, () => Promise<unknown>>>
  now: () => number
}

type Part = HealthView['parts'][number]

const words: Record<string, { name: string; away: string }> = {
  store: { name: 'database', away: 'the database does not answer' },
  redis: { name: 'Redis', away: 'Redis does not answer: builds are dispatched when it is back' }
}

/** How every part is, from what each of them says or was last heard to say. */
export function createHealthHandlers({ store, internal, needs, now }: HealthHandlerDeps): Handlers<'getHealth'> {
  async function ask(need: string, question: () => Promise<unknown>): Promise<Part> {
    const { name = need, away = 'it does not answer' } = words[need] ?? {}
    const startedAt = performance.now()
    try {
      await question()
      return { name, isOk: true, detail: 'it answers', tookMs: Math.round(performance.now() - startedAt) }
    } catch (err) {
      return { name, isOk: false, detail: err instanceof Failure ? err.message : away, tookMs: null }
    }
  }

  async function askDeployer(probe: boolean, signal: AbortSignal): Promise<Part[]> {
    try {
      const parts = await internal.checkParts(probe, signal)
      return parts.map((part) => ({ ...part, tookMs: null }))
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof Failure)) throw err
      const detail = `${err.message}. Nothing is rolled out meanwhile, and what it reaches (registry, cluster, forges) is not known.`
      return [{ name: 'deployer', isOk: false, detail, tookMs: null }]
    }
  }

  /** With the database away the other parts are told all the same. */
  async function known<T>(question: Promise<T[]>): Promise<T[]> {
    try {
      return await question
    } catch (err) {
      if (err instanceof Failure && err.code === 'unavailable') return []
      throw err
    }
  }

  return {
    async getHealth({ probe = false }, _caller, signal) {
      const at = now()
      const [asked, deployed, services, room] = await Promise.all([
        Promise.all(Object.entries(needs).map(([need, question]) => ask(need, question))),
        askDeployer(probe, signal),
        known(store.services.list()),
        known(store.services.room())
      ])
      return {
        checkedAt: at,
        parts: [...asked, ...deployed],
        services: services.map((one) => serviceView(one, at)),
        disks: services.filter((one) => !isSilent(one, at)).flatMap(disksOf),
        uses: [
          ...room.map((use) => ({ host: null, ...use })),
          ...services
            .filter((one) => !isSilent(one, at))
            .flatMap(({ host, facts }) => (facts.uses ?? []).map((use) => ({ host, ...use })))
        ]
      }
    }
  }
}

function serviceView(service: RunningService, at: number): HealthView['services'][number] {
  const { facts, ...rest } = service
  return { ...rest, isSilent: isSilent(service, at), isLeader: facts.isLeader ?? null, slots: facts.slots ?? null }
}

function disksOf({ host, facts }: RunningService): HealthView['disks'] {
  return (facts.disks ?? []).map(({ freeBytes, wantedBytes, totalBytes, ...disk }) => ({
    host,
    ...disk,
    freeBytes,
    totalBytes,
    wantedBytes: Math.round(wantedBytes),
    isShort: freeBytes < wantedBytes
  }))
}
