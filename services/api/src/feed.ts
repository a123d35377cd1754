import type { Signals } from '@slipway/queue'
import type { Logger } from '@slipway/service'
import { createFeedEvents, type FeedEvent } from './feed-events.ts'
import { createLook, type LookStore } from './feed-look.ts'

export interface Feed {
  /**
   * The events after the given one, then those that come, until the signal. A `reset` says that some may be missing:
   * whoever watches has to look at everything again. It is first where no event is given, or one that is not known any more.
   */
  follow(after: string | null, signal: AbortSignal): AsyncIterable<FeedEvent | { id: string; kind: 'reset' }>
  close(): void
}

/** Signals are hints: what is lost of them is found by looking. */
const lookMs = 3000
/** A burst of signals is one look. */
const gatherMs = 20
/** It goes on for so long without a reader: one that lost its connection comes back. */
const idleMs = 60_000

interface FeedDeps {
  store: LookStore
  signals: Pick<Signals, 'listen'>
  now: () => number
  logger: Logger
}

/** What happens, for all who watch: one look at the store, woken by signals, however many there are. Nothing runs while nobody watches. */
export function createFeed(deps: FeedDeps): Feed {
  let watch: ReturnType<typeof startWatch> | null = null
  let readers = 0
  let idle: NodeJS.Timeout | undefined

  function rest() {
    clearTimeout(idle)
    watch?.stop()
    watch = null
  }

  return {
    async *follow(after, signal) {
      clearTimeout(idle)
      readers += 1
      watch ??= startWatch(deps)
      const { events, ready } = watch
      try {
        await ready
        let seen = after
        while (!signal.aborted) {
          const news = seen === null ? null : events.after(seen)
          if (news === null) {
            seen = events.lastId()
            yield { id: seen, kind: 'reset' }
          } else if (news.length === 0) await events.next(signal)
          for (const event of news ?? []) {
            yield event
            seen = event.id
          }
        }
      } finally {
        readers -= 1
        if (readers === 0) {
          idle = setTimeout(rest, idleMs)
          idle.unref()
        }
      }
    },
    close: rest
  }
}

function startWatch({ store, signals, now, logger }: FeedDeps) {
  const events = createFeedEvents(now)
  const look = createLook(store, events.tell)
  const changed = new Set<string>()
  let isAllDue = false
  let timer: NodeJS.Timeout | undefined

  async function lookAround() {
    timer = undefined
    const ids = [...changed]
    const isAll = isAllDue
    changed.clear()
    isAllDue = false
    try {
      for (const id of ids) await look.atBuild(id)
      if (isAll) await look.atNewest()
    } catch (err) {
      // What changed meanwhile is told by the next look that succeeds.
      logger.debug({ err }, 'the store could not be looked at')
    }
  }
  const ready = look.atNewest().catch((err) => logger.debug({ err }, 'the store could not be looked at'))
  /** One look at a time, in order. */
  let looking: Promise<void> = ready
  const due = () => {
    timer ??= setTimeout(() => {
      looking = looking.then(lookAround)
    }, gatherMs)
  }
  const allDue = () => {
    isAllDue = true
    due()
  }
  const unlisten = [
    signals.listen('changed', ({ buildId }) => {
      changed.add(buildId)
      due()
    }),
    signals.listen('builds', allDue),
    signals.listen('events', allDue),
    signals.listen('function', ({ ownerId, name }) =>
      events.tell({ kind: 'function', ownerId, repository: null, buildId: null, functionName: name, status: null })
    )
  ]
  const regularly = setInterval(allDue, lookMs)
  return {
    events,
    ready,
    stop() {
      for (const end of unlisten) end()
      clearInterval(regularly)
      clearTimeout(timer)
    }
  }
}
