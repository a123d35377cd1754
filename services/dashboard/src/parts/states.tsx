import type { ComponentChildren } from 'preact'
import type { ApiProblem } from '../live/call.ts'
import type { Loaded } from '../live/use-loaded.ts'

/** Nothing is here yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h3>{title}</h3>
      {children}
    </div>
  )
}

const titles: Record<number, string> = {
  0: 'No connection',
  403: 'You may not do this',
  404: 'Not found',
  429: 'Too many requests'
}

/** What happened, what to do, and the way to try it again. */
export function ProblemBox({ problem, retry }: { problem: ApiProblem; retry?: (() => void) | undefined }) {
  const title = titles[problem.status] ?? (problem.status >= 500 ? 'Slipway has a problem' : 'That did not work')
  return (
    <div class="problem" role="alert">
      <strong>{title}</strong>
      <p>{problem.message}</p>
      {retry !== undefined && problem.status !== 404 && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Grey bars in the place of what is on its way, so that nothing jumps when it comes. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} />
      ))}
    </div>
  )
}

/** Shows what was loaded. What is there already stays when asking again fails: the banner of the connection tells. */
export function Show<T>({
  of: { data, problem, reload },
  rows,
  children
}: {
  of: Loaded<T>
  rows?: number
  children: (data: T) => ComponentChildren
}) {
  if (data !== null) return <>{children(data)}</>
  if (problem !== null) return <ProblemBox problem={problem} retry={reload} />
  return <Skeleton {...(rows === undefined ? {} : { rows })} />
}
