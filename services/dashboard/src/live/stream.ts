/** What the page is told of what happens; null: something may have been missed, look at everything again. */
export interface LiveEvent {
  id: string
  at: number
  kind: 'build' | 'function' | 'delivery'
  owner: string | null
  repositoryId?: string
  buildId?: string
  function?: string
  status?: string
}

export type StreamState = 'connecting' | 'open' | 'lost'

type Listener = (event: LiveEvent | null) => void

const firstPauseMs = 500
const longestPauseMs = 10_000

/**
 * One connection of the page to the event stream. The browser takes it up again by itself with the last event's id; where it gives up
 * (an answer that is no stream), this does. Whoever was told `null` asks anew, so that nothing is missed.
 */
export function createLiveStream(path: string) {
  const listeners = new Set<Listener>()
  const watchers = new Set<() => void>()
  let state: StreamState = 'connecting'
  let source: EventSource | null = null
  let pauseMs = firstPauseMs
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastId: string | null = null

  function become(next: StreamState) {
    if (next === state) return
    state = next
    for (const watch of watchers) watch()
  }
  const tell = (event: LiveEvent | null) => {
    for (const listen of listeners) listen(event)
  }

  function open() {
    clearTimeout(timer)
    source?.close()
    source = new EventSource(lastId === null ? path : `${path}?after=${encodeURIComponent(lastId)}`)
    source.addEventListener('open', () => {
      pauseMs = firstPauseMs
      become('open')
    })
    source.addEventListener('message', ({ data, lastEventId }: MessageEvent<string>) => {
      lastId = lastEventId
      tell(JSON.parse(data) as LiveEvent)
    })
    source.addEventListener('reset', ({ lastEventId }: MessageEvent<string>) => {
      lastId = lastEventId
      tell(null)
    })
    source.addEventListener('error', () => {
      become('lost')
      if (source?.readyState !== EventSource.CLOSED) return
      timer = setTimeout(open, pauseMs)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    })
  }

  return {
    start: open,
    stop() {
      clearTimeout(timer)
      source?.close()
      source = null
    },
    state: () => state,
    /** Told when the connection's state changes; returns how to stop. */
    watch(watcher: () => void): () => void {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    /** Told of every event; returns how to stop. */
    listen(listener: Listener): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}

export type LiveStream = ReturnType<typeof createLiveStream>
