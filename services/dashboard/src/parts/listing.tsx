import type { ComponentChildren } from 'preact'
import type { Pages } from '../live/use-list.ts'
import type { Loaded } from '../live/use-loaded.ts'
import { More } from './more.tsx'
import { Show } from './states.tsx'

/** A list as it was loaded, row by row; what stands there while it is empty; and how it goes on. */
export function Listing<T>({
  of,
  pages,
  empty,
  rows,
  children
}: {
  of: Loaded<{ items: T[] }>
  pages?: Pages
  empty: ComponentChildren
  /** As many as are likely to come. */
  rows?: number
  children: (one: T) => ComponentChildren
}) {
  return (
    <Show of={of} {...(rows === undefined ? {} : { rows })}>
      {({ items }) =>
        items.length === 0 ? (
          empty
        ) : (
          <>
            <ul class="rows">{items.map(children)}</ul>
            {pages !== undefined && <More pages={pages} />}
          </>
        )
      }
    </Show>
  )
}
