import { useLoaded } from '../live/use-loaded.ts'
import { usePages } from '../live/use-pages.ts'
import { More } from './more.tsx'
import { Empty, Show } from './states.tsx'
import { Ago } from './time.tsx'

/** What was refused names what was asked for. */
function wordsOf(action: string, detail: Record<string, unknown>): string {
  const words = action === 'refused' && typeof detail.action === 'string' ? `was refused: ${detail.action} of` : action
  return words.replaceAll('-', ' ')
}

/** Who changed what, and who was refused what, newest first; with what it was before and after, where that is told. */
export function AuditList({ owner }: { owner?: string }) {
  const input = { limit: 50, ...(owner === undefined ? {} : { owner }) }
  const audit = useLoaded('listAudit', input, () => true)
  const pages = usePages('listAudit', input, audit.data?.next ?? null)
  return (
    <Show of={audit}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title="Nothing was changed yet">
            <p>Every change that a person or a token makes, and what was refused to them, is written down here.</p>
          </Empty>
        ) : (
          <>
            <ul class="rows">
              {[...items, ...pages.items].map(({ id, at, actor, action, resource, detail }) => (
                <li key={id} class="row">
                  <div class="row-main">
                    <span class="clip">
                      <span class="strong">{actor}</span> {wordsOf(action, detail)} <code>{resource}</code>
                    </span>
                    {Object.keys(detail).length > 0 && <code class="note clip">{JSON.stringify(detail)}</code>}
                  </div>
                  <div class="row-end note">
                    <Ago at={at} />
                  </div>
                </li>
              ))}
            </ul>
            <More pages={pages} />
          </>
        )
      }
    </Show>
  )
}
