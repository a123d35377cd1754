import { type ComponentChildren, createContext } from 'preact'
import { useCallback, useContext, useState } from 'preact/hooks'

export interface Notice {
  tone: 'good' | 'bad'
  words: string
}

const TellContext = createContext<(notice: Notice) => void>(() => {})
const shownMs = { good: 5000, bad: 12_000 }

export const useTell = () => useContext(TellContext)

/** What came of what somebody did, at the page's corner and read aloud. */
export function Notices({ children }: { children: ComponentChildren }) {
  const [shown, setShown] = useState<(Notice & { id: number })[]>([])
  const remove = useCallback((id: number) => setShown((all) => all.filter((one) => one.id !== id)), [])
  const tell = useCallback(
    (notice: Notice) => {
      const id = performance.now()
      setShown((all) => [...all, { ...notice, id }])
      setTimeout(() => remove(id), shownMs[notice.tone])
    },
    [remove]
  )
  return (
    <TellContext.Provider value={tell}>
      {children}
      <div class="notices" role="status" aria-live="polite">
        {shown.map(({ id, tone, words }) => (
          <div key={id} class={`notice tone-${tone}`}>
            <p>{words}</p>
            <button type="button" class="quiet" aria-label="Dismiss" onClick={() => remove(id)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </TellContext.Provider>
  )
}
