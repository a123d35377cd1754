import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'

const key = 'slipway-owner'

interface ShownOwner {
  /** Whose the page is; null: nobody's, or it is not known yet. */
  owner: string | null
  tell(owner: string): void
}

export const ShownOwnerContext = createContext<ShownOwner>({ owner: null, tell() {} })

/** The owner that the address names; on pages without one (a build's) who the page says, and before that the last, so that nothing jumps. */
export function useOwnerOf(path: string): ShownOwner {
  const named = /^\/owners\/([^/]+)/.exec(path)?.[1]
  const owner = named === undefined ? null : decodeURIComponent(named)
  const [last, setLast] = useState(() => sessionStorage.getItem(key))
  useEffect(() => {
    if (owner !== null) setLast(owner)
  }, [owner])
  useEffect(() => {
    if (last !== null) sessionStorage.setItem(key, last)
  }, [last])
  return { owner: owner ?? (path.startsWith('/builds/') ? last : null), tell: setLast }
}

export const useShownOwner = (): string | null => useContext(ShownOwnerContext).owner

/** A page whose address does not name its owner says it, once it is known. */
export function useTellOwner(owner: string | null): void {
  const { tell } = useContext(ShownOwnerContext)
  useEffect(() => {
    if (owner !== null) tell(owner)
  }, [owner, tell])
}
