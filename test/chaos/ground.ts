import { join } from 'node:path'
import type { Store } from '@slipway/domain'
import { createStore } from '@slipway/store'
import { createScene, type Scene } from '../system/scene.ts'
import { type Callers, type FailedCall, startCallers } from './callers.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { createSubject, type Subject } from './subject.ts'
import { isOfKill, settle, type VerdictDeps } from './verdict.ts'

/** An installation of many processes with repositories to push to, and callers who call all the time. */
export interface Ground {
  /** The installation's state directory. */
  home: string
  scene: Scene
  fleet: Fleet
  store: Store
  subjects: Subject[]
  callers: Callers
  /** Waits until all is well. @returns what is not, and calls that failed without a gateway's kill. */
  judge(timeoutMs: number): Promise<string[]>
  close(): Promise<void>
}

export interface GroundOptions {
  repositories: number
  owners: number
  env?: Record<string, string>
  callers?: { concurrency: number; pauseMs: number }
  services?: readonly string[]
  preload?: string
  programs?: Readonly<Record<string, string>>
  isRedelivering?: boolean
  /** Makes what is pushed to. */
  subject?: typeof createSubject
  /** Aborted, everything is taken away at once: whatever is still done with it fails. */
  signal?: AbortSignal
}

export async function createGround({
  repositories,
  owners,
  env = {},
  callers: calling = { concurrency: 4, pauseMs: 10 },
  services,
  preload,
  programs,
  isRedelivering = false,
  subject = createSubject,
  signal
}: GroundOptions): Promise<Ground> {
  await using opened = new AsyncDisposableStack()
  // A busy machine is not what is tried here, nor patience.
  const scene = await createScene({ READY_TIMEOUT_MS: '60000', HEADS_EVERY_MS: '3000', ...env }, (options) =>
    startFleet({
      ...options,
      isRedelivering,
      ...(services === undefined ? {} : { services }),
      ...(preload === undefined ? {} : { preload }),
      ...(programs === undefined ? {} : { programs })
    })
  )
  opened.defer(() => scene.close())
  const fleet = scene.installation as Fleet
  const home = join(scene.directory, 'home')
  const store = await createStore({ url: env.DATABASE_URL ?? null, file: join(home, 'store.sqlite') })
  opened.defer(() => store.close())
  const subjects: Subject[] = []
  for (let i = 0; i < repositories; i += 1) subjects.push(await subject(scene, i, `owner-${(i % owners) + 1}`))
  const callers = startCallers({ gatewayUrl: fleet.endpoints.gateway, subjects, ...calling })
  opened.defer(() => callers.stop())
  const deps: VerdictDeps = { scene, fleet, store, subjects, home }
  signal?.throwIfAborted()
  const toClose = opened.move()
  let closing: Promise<void> | null = null
  const close = () => (closing ??= toClose.disposeAsync())
  // Who runs on this ground closes it, too, and hears there what went wrong.
  signal?.addEventListener('abort', () => void close().catch(() => undefined), { once: true })
  const startedAt = performance.now()
  let judged = 0
  return {
    home,
    scene,
    fleet,
    store,
    subjects,
    callers,
    async judge(timeoutMs) {
      await fleet.relay.settled()
      const problems = await settle(deps, timeoutMs)
      const failed = callers.failed()
      const calls = failed.slice(judged).filter((call) => !isOfKill(call, fleet.deaths))
      judged = failed.length
      return [...problems, ...describeCalls(calls, startedAt)]
    },
    close
  }
}

function describeCalls(calls: FailedCall[], startedAt: number): string[] {
  return [...Map.groupBy(calls, ({ what }) => what)].map(([what, same]) => {
    const [first] = same as [FailedCall]
    const at = ((first.from - startedAt) / 1000).toFixed(1)
    const rest = same.length === 1 ? '' : `, and ${same.length - 1} calls likewise after it`
    return `a call of ${first.path} at ${at} s failed after ${Math.round(first.to - first.from)} ms: ${what}${rest}`
  })
}
