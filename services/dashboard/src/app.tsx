import { useMemo } from 'preact/hooks'
import { LocationProvider } from 'preact-iso'
import { StreamContext } from './live/context.ts'
import { createLiveStream } from './live/stream.ts'
import { MeContext, useSession } from './live/use-me.ts'
import { Pages } from './pages/pages.tsx'
import { SignInPage } from './pages/sign-in.tsx'
import { ProblemBox } from './parts/states.tsx'
import { Notices } from './shell/notices.tsx'
import { Shell } from './shell/shell.tsx'

export function App() {
  const stream = useMemo(() => createLiveStream('/api/v1/events'), [])
  const session = useSession()
  if (session.state === 'asking') return null
  if (session.state === 'nobody') return <SignInPage />
  if (session.state === 'lost') {
    return (
      <main class="door">
        <ProblemBox problem={session.problem} retry={() => location.reload()} />
      </main>
    )
  }
  return (
    <LocationProvider>
      <StreamContext.Provider value={stream}>
        <Notices>
          <MeContext.Provider value={session.me}>
            <Shell>
              <Pages />
            </Shell>
          </MeContext.Provider>
        </Notices>
      </StreamContext.Provider>
    </LocationProvider>
  )
}
