import type { BuildDetail } from '@slipway/client'
import { Ago } from '../parts/time.tsx'
import { gistOf } from '../words/build.ts'

const titles: Partial<Record<BuildDetail['status'], string>> = {
  failed: 'This build failed',
  error: 'Slipway could not finish this build',
  superseded: 'A newer commit took its place',
  cancelled: 'This build was stopped',
  skipped: 'This build was left out'
}

/** Why a build is where it is, and the line that it is about. */
export function BuildProblem({ build }: { build: BuildDetail }) {
  const { status, reason, nextAttemptAt, failure } = build
  if (reason === null || status === 'live') return null
  const title = titles[status] ?? 'Waiting'
  const gist = gistOf(reason)
  const said = reason.slice(gist.length).trim()
  const tone = status === 'failed' ? 'bad' : status === 'error' ? 'warning' : 'quiet'
  return (
    <div class={`problem tone-${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      <strong>{title}</strong>
      <p>{gist}</p>
      {said !== '' && <pre class="said">{said}</pre>}
      {failure !== null && (
        <p>
          <Place place={failure} />
        </p>
      )}
      {nextAttemptAt !== null && titles[status] === undefined && (
        <p class="note">
          It is tried again <Ago at={nextAttemptAt} />.
        </p>
      )}
    </div>
  )
}

/** What was refused or dropped from the stack file: the build goes on. */
export function BuildWarnings({ build: { warnings } }: { build: BuildDetail }) {
  if (warnings.length === 0) return null
  return (
    <div class="problem tone-warning">
      <strong>{warnings.length === 1 ? 'One field is not used' : `${warnings.length} fields are not used`}</strong>
      <ul>
        {warnings.map((warning) => (
          <li key={`${warning.path}:${warning.line}:${warning.column}`}>
            <Place place={warning} /> {warning.message}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Place({ place: { path, line, column, url } }: { place: NonNullable<BuildDetail['failure']> }) {
  const text = (
    <code>
      {path}:{line}:{column}
    </code>
  )
  if (url === null) return text
  return (
    <a href={url} target="_blank" rel="noreferrer">
      {text}
    </a>
  )
}
