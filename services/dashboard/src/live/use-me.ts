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

/** Without an answer there is no page at all. */
const retryMs = 3000

/** Rights change at the forge while a page stays open: they are asked for again when somebody comes back to it. */
const freshMs = 60_000

/** Who looks at the page; `nobody` leads to the door. */
export function useSession(): Session {
  const [session, setSession] = useState<Session>({ state: 'asking' })
  useEffect(() => {
    const stop = new AbortController()
    let askedAt = Date.now()
    let timer: ReturnType<typeof setTimeout> | undefined
    const show = (next: Session) => {
      setSession(next)
      if (next.state === 'lost' && mayPass(next.problem)) timer = setTimeout(() => void ask(stop.signal, show), retryMs)
    }
    const again = () => {
      if (document.visibilityState !== 'visible' || Date.now() - askedAt < freshMs) return
      askedAt = Date.now()
      void ask(stop.signal, (next) => next.state !== 'lost' && setSession((former) => newer(former, next)))
    }
    void ask(stop.signal, show)
    document.addEventListener('visibilitychange', again, { signal: stop.signal })
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [])
  return session
}

/** A connection that comes back, or a server: what was refused stays so. */
function mayPass({ status }: ApiProblem): boolean {
  return status === 0 || status >= 500
}

/** The same said again redraws nothing. */
function newer(former: Session, next: Session): Session {
  return JSON.stringify(former) === JSON.stringify(next) ? former : next
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
