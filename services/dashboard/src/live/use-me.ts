import type { MeView } from '@slipway/client'
import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { type ApiProblem, call } from './call.ts'

export const MeContext = createContext<MeView | null>(null)

/** Who is signed in. */
export function useMe(): MeView {
  const me = useContext(MeContext)
  if (me === null) throw new Error('the page is not inside of a MeContext')
  return me
}

export type Session =
  | { state: 'asking' }
  | { state: 'nobody' }
  | { state: 'in'; me: MeView }
  | { state: 'lost'; problem: ApiProblem }

/** Who looks at the page; `nobody` leads to the door. */
export function useSession(): Session {
  const [session, setSession] = useState<Session>({ state: 'asking' })
  useEffect(() => {
    const stop = new AbortController()
    void ask(stop.signal, setSession)
    return () => stop.abort()
  }, [])
  return session
}

async function ask(signal: AbortSignal, show: (session: Session) => void): Promise<void> {
  try {
    show({ state: 'in', me: await call('getMe', {}, signal) })
  } catch (err) {
    if (signal.aborted) return
    const problem = err as ApiProblem
    show(problem.status === 401 ? { state: 'nobody' } : { state: 'lost', problem })
  }
}
