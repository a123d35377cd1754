import type { AuditView } from '@slipway/client'
import { useLocation } from 'preact-iso'
import { useList } from '../live/use-list.ts'
import { Listing } from './listing.tsx'
import { Empty } from './states.tsx'
import { Ago } from './time.tsx'

/** What was refused names what was asked for. */
function wordsOf(action: string, detail: Record<string, unknown>): string {
  const words = action === 'refused' && typeof detail.action === 'string' ? `was refused: ${detail.action} of` : action
  return words.replaceAll('-', ' ')
}

const filters = ['actor', 'action'] as const

/** Who changed what, and who was refused what, newest first; with what it was before and after, where that is told. */
export function AuditList({ owner }: { owner?: string }) {
  const { path, query } = useLocation()
  const set = filters.flatMap((name) => (query[name] ? [[name, query[name]] as const] : []))
  const input = { limit: 50, ...(owner === undefined ? {} : { owner }), ...Object.fromEntries(set) }
  const audit = useList('listAudit', input, () => true)
  const hrefOf = (change: Partial<Record<(typeof filters)[number], string | undefined>>) => {
    const next = new URLSearchParams(set.map(([name, value]) => [name, value]))
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) next.delete(name)
      else next.set(name, value)
    }
    return next.size === 0 ? path : `${path}?${next.toString()}`
  }
  return (
    <>
      {set.length > 0 && (
        <p class="filters" role="status">
          {set.map(([name, value]) => (
            <a key={name} class="chip" href={hrefOf({ [name]: undefined })} aria-label={`Any ${name} again`}>
              {name}: {value} ×
            </a>
          ))}
        </p>
      )}
      <Listing
        of={audit}
        pages={audit.pages}
        rows={8}
        empty={
          <Empty title={set.length === 0 ? 'Nothing was changed yet' : 'No entry is like that'}>
            <p>Every change that a person or a token makes, and what was refused to them, is written down here.</p>
          </Empty>
        }
      >
        {(entry) => <Entry key={entry.id} entry={entry} hrefOf={hrefOf} />}
      </Listing>
    </>
  )
}

/** Who it was and what was done lead to the entries that have the same. */
function Entry({
  entry: { at, actor, action, resource, detail },
  hrefOf
}: {
  entry: AuditView
  hrefOf: (change: { actor?: string; action?: string }) => string
}) {
  return (
    <li class="row">
      <div class="row-main">
        <span class="clip">
          <a class="strong" href={hrefOf({ actor })} title={`Only what ${actor} did`}>
            {actor}
          </a>{' '}
          <a class="plain" href={hrefOf({ action })} title="Only what is like this">
            {wordsOf(action, detail)}
          </a>{' '}
          <code>{resource}</code>
        </span>
        {Object.keys(detail).length > 0 && <code class="note clip">{JSON.stringify(detail)}</code>}
      </div>
      <div class="row-end note">
        <Ago at={at} />
      </div>
    </li>
  )
}
