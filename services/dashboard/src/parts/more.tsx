import type { Pages } from '../live/use-list.ts'
import { ProblemBox } from './states.tsx'

/** The end of a list that goes on. */
export function More({ pages: { hasMore, more, isLoading, problem } }: { pages: Pages }) {
  if (problem !== null) return <ProblemBox problem={problem} retry={() => void more()} />
  if (!hasMore) return null
  return (
    <button type="button" class="button more" disabled={isLoading} onClick={() => void more()}>
      {isLoading ? 'Loading' : 'Show older ones'}
    </button>
  )
}
