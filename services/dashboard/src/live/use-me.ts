import { useEffect, useState } from 'preact/hooks'
import { ApiProblem, send } from './call.ts'

export interface Me {
  kind: 'administrator' | 'account' | 'token'
  name: string
  login: string | null
  avatarUrl: string | null
  isAdministrator: boolean
  owners: { slug: string; right: 'read' | 'write' | 'admin' }[]
}

export type Session =
  | { state: 'asking' }
  | { state: 'nobody' }
  | { state: 'in'; me: Me }
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
    const response = await send('/api/v1/me', { signal, headers: { accept: 'application/json' } })
    show({ state: 'in', me: (await response.json()) as Me })
  } catch (err) {
    if (signal.aborted) return
    const problem = err as ApiProblem
    show(problem.status === 401 ? { state: 'nobody' } : { state: 'lost', problem })
  }
}
