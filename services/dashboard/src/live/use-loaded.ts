import type { RouteInput, RouteName, RouteOutput } from '@slipway/client'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiProblem, call } from './call.ts'
import { useStream } from './context.ts'
import type { LiveEvent } from './stream.ts'

export interface Loaded<T> {
  /** What was last loaded, also while it is loaded again. */
  data: T | null
  problem: ApiProblem | null
  reload: () => void
}

/** What was shown before is shown at once when one comes back, and then asked anew. */
const remembered = new Map<string, unknown>()
const rememberedLimit = 100

/** Several events of one push come close together: they are one look. */
const gatherMs = 80
const retryMs = 3000

export function forgetLoaded(): void {
  remembered.clear()
}

/**
 * What a route answers, kept up to date: it is asked again when an event that concerns it arrives, and when events may have been missed.
 *
 * @param input null: not asked yet
 */
export function useLoaded<N extends RouteName>(
  name: N,
  input: RouteInput<N> | null,
  concerns: (event: LiveEvent) => boolean = () => false
): Loaded<RouteOutput<N>> {
  const key = input === null ? null : keyOf(name, input)
  const ask = (_shown: unknown, signal: AbortSignal) => call(name, input as RouteInput<N>, signal)
  return useAnswer<RouteOutput<N>>(key, { ask, join: (_shown, answer) => answer, concerns })
}

export const keyOf = (name: RouteName, input: object) => `${name} ${JSON.stringify(input)}`

export interface Question<T, A> {
  /** @param shown what stands there when it is asked */
  ask: (shown: T | null, signal: AbortSignal) => Promise<A>
  /** @param shown what stands there when the answer has come */
  join: (shown: T | null, answer: A) => T
  concerns: (event: LiveEvent) => boolean
}

export interface Answered<T> extends Loaded<T> {
  /** Something else of it is known by now. Does nothing where another one is shown. */
  change: (key: string, next: (shown: T) => T) => void
}

/** @param key what the answer is known by: it holds all that the question hangs on. null: not asked yet */
export function useAnswer<T, A = T>(key: string | null, question: Question<T, A>): Answered<T> {
  const stream = useStream()
  const [, redraw] = useState(0)
  const shown = useRef<{ key: string | null; data: T | null; problem: ApiProblem | null }>({
    key: null,
    data: null,
    problem: null
  })
  const asked = useRef(question)
  asked.current = question
  const load = useRef(() => {})

  if (shown.current.key !== key) {
    const known = key === null ? undefined : (remembered.get(key) as T | undefined)
    shown.current = { key, data: known ?? null, problem: null }
  }

  useEffect(() => {
    if (key === null) return
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let running: AbortController | null = null
    /** Something happened while it was asked: the answer may be older. */
    let isStale = false
    const show = (change: Partial<typeof shown.current>) => {
      if (stop.signal.aborted || shown.current.key !== key) return
      Object.assign(shown.current, change)
      redraw((n) => n + 1)
    }
    const start = async () => {
      clearTimeout(timer)
      running?.abort()
      const mine = new AbortController()
      running = mine
      isStale = false
      try {
        const answer = await asked.current.ask(shown.current.data, mine.signal)
        if (mine.signal.aborted) return
        const data = asked.current.join(shown.current.data, answer)
        remember(key, data)
        show({ data, problem: null })
      } catch (err) {
        if (mine.signal.aborted) return
        const problem = err as ApiProblem
        show({ problem })
        if (problem.status === 0 || problem.status >= 500) timer = setTimeout(() => void start(), retryMs)
      }
      running = null
      if (isStale) void start()
    }
    // An answer that takes longer than it is until somebody asks again is not given up for that: it would never come.
    const startOrWait = () => {
      if (running === null) void start()
      else isStale = true
    }
    load.current = startOrWait
    const unlisten = stream.listen((event) => {
      if (event !== null && !asked.current.concerns(event)) return
      clearTimeout(timer)
      // After a lost connection an answer may be lost as well.
      timer = setTimeout(event === null ? () => void start() : startOrWait, gatherMs)
    })
    void start()
    return () => {
      stop.abort()
      running?.abort()
      clearTimeout(timer)
      unlisten()
    }
    // The key is the question.
  }, [key, stream])

  const reload = useCallback(() => load.current(), [])
  const change = useCallback((of: string, next: (data: T) => T) => {
    const { current } = shown
    if (current.key !== of || current.data === null) return
    current.data = next(current.data)
    remember(of, current.data)
    redraw((n) => n + 1)
  }, [])
  return { data: shown.current.data, problem: shown.current.problem, reload, change }
}

function remember(key: string, data: unknown) {
  remembered.delete(key)
  remembered.set(key, data)
  const [oldest] = remembered.keys()
  if (remembered.size > rememberedLimit && oldest !== undefined) remembered.delete(oldest)
}
