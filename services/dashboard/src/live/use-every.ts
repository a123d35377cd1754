import { useEffect } from 'preact/hooks'

/** Does it again and again while somebody looks. @param everyMs null: not now */
export function useEvery(everyMs: number | null, work: () => void): void {
  useEffect(() => {
    if (everyMs === null) return
    const timer = setInterval(work, everyMs)
    return () => clearInterval(timer)
  }, [everyMs, work])
}
