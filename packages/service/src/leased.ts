import { randomUUID } from 'node:crypto'
import { Failure, type Settings } from '@slipway/domain'

export interface LeaseOptions {
  settings: Pick<Settings, 'lease'>
  /** Of the work; one at a time has it, in all processes. */
  name: string
  now: () => number
  /** How long somebody else waits after this process was killed. */
  leaseMs?: number
}

/**
 * Does work that nobody else may do meanwhile. The work's signal aborts when the lease is lost.
 *
 * @throws Failure `conflict` while somebody else has the lease
 */
export async function whileLeased<T>(
  { settings, name, now, leaseMs = 30_000 }: LeaseOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const holder = randomUUID()
  const lost = new AbortController()
  if (!(await settings.lease(name, holder, leaseMs, now()))) {
    throw new Failure('conflict', 'a clean-up or a backup is under way: try again when it is done')
  }
  let heldUntil = now() + leaseMs
  const renew = async (): Promise<void> => {
    const askedAt = now()
    const isHeld = await settings.lease(name, holder, leaseMs, askedAt).catch(() => null)
    if (isHeld === true) heldUntil = askedAt + leaseMs
    if (isHeld === false || now() > heldUntil) lost.abort(new Failure('lease-lost', `the lease "${name}" was lost`))
  }
  const timer = setInterval(() => void renew(), leaseMs / 3)
  try {
    return await work(AbortSignal.any([signal, lost.signal]))
  } finally {
    clearInterval(timer)
    // Ends at once for whoever comes next; where that cannot be said it ends by itself.
    await settings.lease(name, holder, 0, now()).catch(() => null)
  }
}
