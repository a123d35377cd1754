import { useState } from 'preact/hooks'
import type { ApiProblem } from '../live/call.ts'
import { useTell } from '../shell/notices.tsx'

/** Something that a button does: while it runs the button waits, and what went wrong is told. */
export function useAction(): { isRunning: boolean; run: (work: () => Promise<string | null>) => void } {
  const tell = useTell()
  const [isRunning, setRunning] = useState(false)
  const perform = async (work: () => Promise<string | null>) => {
    setRunning(true)
    try {
      const words = await work()
      if (words !== null) tell({ tone: 'good', words })
    } catch (err) {
      tell({ tone: 'bad', words: (err as ApiProblem).message })
    } finally {
      setRunning(false)
    }
  }
  return { isRunning, run: (work) => void perform(work) }
}
