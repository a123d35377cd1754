import type { BuildView, FunctionView, RepositoryView } from '@slipway/client'
import { useLocation } from 'preact-iso'
import { buildHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useMay } from '../live/use-may.ts'
import { useAction } from '../parts/use-action.ts'
import { type Standing, standingOf } from '../words/standing.ts'

/** Is the head live? If not, why, and the button that mends it. */
export function RepositoryStanding({
  owner,
  one,
  builds,
  functions
}: {
  owner: string
  one: RepositoryView
  builds: BuildView[]
  functions: FunctionView[]
}) {
  const standing = standingOf(one, builds, functions)
  const mayMend = useMay()(standing.mend?.kind === 'resume' ? 'resumeFunction' : 'rebuild', {
    owner,
    repositoryId: one.id
  })
  if (standing.isSame) return <p class="standing tone-good">{standing.words}</p>
  return (
    <div class="problem tone-warning">
      <strong>The head is not what is live</strong>
      <p>{standing.words}</p>
      {standing.mend !== null && mayMend && <Mend owner={owner} mend={standing.mend} />}
    </div>
  )
}

const words = { rebuild: 'Build it again', deploy: 'Deploy it', resume: 'Resume' } as const

function Mend({ owner, mend }: { owner: string; mend: NonNullable<Standing['mend']> }) {
  const { route } = useLocation()
  const { isRunning, run } = useAction()
  const rebuild = (id: string) =>
    run(async () => {
      const build = await call('rebuild', { id })
      route(buildHref(build.id))
      return mend.kind === 'deploy' ? 'It is deployed.' : 'It is built again.'
    })
  const resume = (names: string[]) =>
    run(async () => {
      for (const name of names) await call('resumeFunction', { owner, name })
      return `Pushes deploy ${names.join(', ')} again; what was missed is deployed now.`
    })
  return (
    <button
      type="button"
      class="button small"
      disabled={isRunning}
      onClick={() => (mend.kind === 'resume' ? resume(mend.functions) : rebuild(mend.buildId))}
    >
      {words[mend.kind]}
    </button>
  )
}
