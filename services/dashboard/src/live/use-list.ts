import type { RouteInput, RouteName, RouteOutput } from '@slipway/client'
import { useState } from 'preact/hooks'
import { type ApiProblem, call } from './call.ts'
import { extended, type Listed, refreshed } from './listed.ts'
import type { LiveEvent } from './stream.ts'
import { keyOf, type Loaded, useAnswer } from './use-loaded.ts'

interface Page<T> {
  items: T[]
  next: string | null
}

/** Routes that answer page by page. */
type ListRoute = {
  [N in RouteName]: RouteOutput<N> extends Page<{ id: string }> ? N : never
}[RouteName]

type ItemOf<N extends ListRoute> = RouteOutput<N>['items'][number]

/** How a list goes on. */
export interface Pages {
  hasMore: boolean
  more: () => Promise<void>
  isLoading: boolean
  problem: ApiProblem | null
}

export interface LoadedList<T> extends Loaded<Listed<T>> {
  pages: Pages
}

/** What the server gives at once. */
const mostAtOnce = 200

/** A list as far as somebody asked to see it, all of it kept up to date. */
export function useList<N extends ListRoute>(
  name: N,
  input: RouteInput<N> & { limit: number },
  concerns: (event: LiveEvent) => boolean = () => false
): LoadedList<ItemOf<N>> {
  const key = keyOf(name, input)
  const [isLoading, setLoading] = useState(false)
  const [failed, setFailed] = useState<{ key: string; problem: ApiProblem } | null>(null)

  const askPage = async (limit: number, before: string | null, signal?: AbortSignal) =>
    (await call(name, { ...input, limit, ...(before === null ? {} : { before }) }, signal)) as Page<ItemOf<N>>

  async function ask(shown: Listed<ItemOf<N>> | null, signal: AbortSignal): Promise<Page<ItemOf<N>>> {
    const wanted = shown?.wanted ?? input.limit
    let items: ItemOf<N>[] = []
    let next: string | null = null
    do {
      const page = await askPage(Math.min(mostAtOnce, wanted - items.length), next, signal)
      items = [...items, ...page.items]
      next = page.next
    } while (next !== null && items.length < wanted)
    return { items, next }
  }

  const { data, change, ...loaded } = useAnswer<Listed<ItemOf<N>>, Page<ItemOf<N>>>(key, {
    ask,
    join: refreshed,
    concerns
  })

  async function more(): Promise<void> {
    if (data === null || data.next === null) return
    const after = data.next
    setLoading(true)
    // From here on the list keeps its end, whatever comes at its beginning meanwhile.
    change(key, (shown) => ({ ...shown, wanted: shown.items.length + input.limit }))
    try {
      const page = await askPage(input.limit, after)
      change(key, (shown) => extended(shown, after, page) ?? shown)
      setFailed(null)
    } catch (err) {
      setFailed({ key, problem: err as ApiProblem })
    } finally {
      setLoading(false)
    }
  }
  const problem = failed?.key === key ? failed.problem : null
  const pages = { hasMore: data !== null && data.next !== null, more, isLoading, problem }
  return { ...loaded, data, pages }
}
