import type { SignInView } from '@slipway/client'
import { useEffect, useState } from 'preact/hooks'
import { type ApiProblem, call } from '../live/call.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Empty, ProblemBox, Skeleton } from '../parts/states.tsx'
import { Mark } from '../shell/mark.tsx'

/** The door: where one signs in, and back to the address that one came for. */
export function SignInPage() {
  const [signIn, setSignIn] = useState<SignInView | null>(null)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  useEffect(() => {
    call('getSignIn', {}).then(setSignIn).catch(setProblem)
  }, [])
  const back = location.pathname === '/sign-in' ? '/' : `${location.pathname}${location.search}`
  return (
    <main class="door">
      <Mark />
      <PageHead
        title="Sign in to Slipway"
        note="With the account that you push with: what you may do here is what you may do there."
      />
      {problem !== null && <ProblemBox problem={problem} />}
      {problem === null && signIn === null && <Skeleton rows={2} />}
      {signIn !== null && (
        <div class="stacked">
          {signIn.providers.map(({ id, name, address }) => (
            <a key={id} class="button primary" href={`${address}?return=${encodeURIComponent(back)}`}>
              {`Continue with ${name}`}
            </a>
          ))}
          {signIn.providers.length === 0 && <NoProvider />}
          {!signIn.isClaimed && (
            <p class="note">
              Nobody administers this installation yet: open the one-time link that <code>slipway up</code> printed.
            </p>
          )}
        </div>
      )}
    </main>
  )
}

function NoProvider() {
  return (
    <Empty title="No sign-in is configured">
      <p>
        An administrator gets in by the one-time link that <code>slipway up</code> prints, and sets up GitHub, GitLab or
        an OpenID provider for everybody else.
      </p>
    </Empty>
  )
}
