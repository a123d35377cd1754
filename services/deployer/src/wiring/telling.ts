import { linksOf } from '../links.ts'
import { createNotifier } from '../notifications/notifier.ts'
import { createSend } from '../notifications/send.ts'
import { createReporter } from '../report.ts'
import type { Ground } from './ground.ts'

/** Tells forges and whoever wants to be told what becomes of builds. */
export function startTelling(ground: Ground): void {
  const { config, store, forges, secrets, isLeader, now, logger, keep, lead, hear } = ground
  const linkOf = linksOf(config)
  const reporter = createReporter({
    store,
    forges: forges.followed.forges,
    urlOf: linkOf,
    timeoutMs: config.STATUS_TIMEOUT_MS,
    isLeader,
    now,
    logger
  })
  lead('reporter', reporter)
  hear('changes', 'changed', () => reporter.wake())

  const notifier = createNotifier({
    store,
    encryption: secrets.encryption,
    send: createSend({ isLoopbackAllowed: config.NOTIFY_LOOPBACK === 'on', timeoutMs: 10_000, now }),
    linkOf: (build) => linkOf(build, build.ownerSlug, null),
    isLeader,
    periodMs: 2000,
    now,
    logger
  })
  keep('notifications', notifier)
  for (const signal of ['notify', 'changed'] as const) {
    hear('hearing of what to tell', signal, () => notifier.wake())
  }
}
