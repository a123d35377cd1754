import type { RouteInput, RouteName, RouteOutput } from '@slipway/client'
import { useEffect, useState } from 'preact/hooks'
import { type ApiProblem, call } from './call.ts'

type Listing = { items: unknown[]; next: string | null }
type ItemOf<N extends RouteName> = RouteOutput<N> extends { items: (infer T)[] } ? T : never

export interface Pages<T> {
  items: T[]
  hasMore: boolean
  more: () => Promise<void>
  isLoading: boolean
  problem: ApiProblem | null
}

/** Pages after the first, which is kept up to date elsewhere: they are asked for one by one, and forgotten when the list is another one. */
export function usePages<N extends RouteName>(
  name: N,
  input: RouteInput<N>,
  firstNext: string | null
): Pages<ItemOf<N>> {
  const key = JSON.stringify(input)
  const [older, setOlder] = useState<{ key: string; items: ItemOf<N>[]; next: string | null } | null>(null)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [isLoading, setLoading] = useState(false)
  useEffect(() => setOlder(null), [key])
  const known = older?.key === key ? older : null
  const next = known === null ? firstNext : known.next

  const more = async () => {
    if (next === null) return
    setLoading(true)
    try {
      const page = (await call(name, { ...input, before: next })) as Listing
      setOlder({ key, items: [...(known?.items ?? []), ...(page.items as ItemOf<N>[])], next: page.next })
      setProblem(null)
    } catch (err) {
      setProblem(err as ApiProblem)
    } finally {
      setLoading(false)
    }
  }
  return { items: known?.items ?? [], hasMore: next !== null, more, isLoading, problem }
}
