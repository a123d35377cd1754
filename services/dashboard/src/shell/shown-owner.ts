import { useEffect, useState } from 'preact/hooks'

const key = 'slipway-owner'

/** The owner that the address names; on pages without one (a build's) the last, so that the way back stays. */
export function useShownOwner(path: string): string | null {
  const named = /^\/owners\/([^/]+)/.exec(path)?.[1]
  const owner = named === undefined ? null : decodeURIComponent(named)
  const [last, setLast] = useState(() => sessionStorage.getItem(key))
  useEffect(() => {
    if (owner === null) return
    sessionStorage.setItem(key, owner)
    setLast(owner)
  }, [owner])
  return owner ?? (path.startsWith('/builds/') ? last : null)
}
