import { useMemo } from 'preact/hooks'
import { LocationProvider, Route, Router } from 'preact-iso'
import { StreamContext } from './live/context.ts'
import { createLiveStream } from './live/stream.ts'
import { BuildPage } from './pages/build.tsx'
import { BuildsPage } from './pages/builds.tsx'
import { FunctionPage } from './pages/function.tsx'
import { HomePage } from './pages/home.tsx'
import { NotFoundPage } from './pages/not-found.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { Notices } from './shell/notices.tsx'
import { Shell } from './shell/shell.tsx'

export function App() {
  const stream = useMemo(() => createLiveStream('/api/v1/events'), [])
  return (
    <LocationProvider>
      <StreamContext.Provider value={stream}>
        <Notices>
          <Shell>
            <Router>
              <Route path="/" component={HomePage} />
              <Route path="/builds/:id" component={BuildPage} />
              <Route path="/owners/:owner" component={OverviewPage} />
              <Route path="/owners/:owner/builds" component={BuildsPage} />
              <Route path="/owners/:owner/functions/:name/:tab?" component={FunctionPage} />
              <Route default component={NotFoundPage} />
            </Router>
          </Shell>
        </Notices>
      </StreamContext.Provider>
    </LocationProvider>
  )
}
