import type { BuildView, FunctionView, OwnerTrafficView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { FunctionRow } from './function-row.tsx'

/** So many are seen at a glance. */
const glance = 12
const byName = new Intl.Collator('en', { numeric: true })

/** Functions by name; where there are many, one is found by a part of it. */
export function FunctionList({
  items,
  builds,
  traffic = []
}: {
  items: FunctionView[]
  builds: BuildView[]
  traffic?: OwnerTrafficView['functions']
}) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const found = items.filter(({ name }) => name.includes(wanted)).toSorted((a, b) => byName.compare(a.name, b.name))
  return (
    <>
      {items.length > glance && (
        <div class="filters">
          <input
            type="search"
            placeholder="Find a function"
            aria-label="Find a function"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
          <span class="note" role="status">
            {wanted === '' ? `${items.length} functions` : `${found.length} of ${items.length}`}
          </span>
        </div>
      )}
      {found.length === 0 ? (
        <p class="note">No function is called like that.</p>
      ) : (
        <ul class="rows">
          {found.map((one) => (
            <FunctionRow
              key={one.clusterName}
              one={one}
              builds={builds}
              traffic={traffic.find(({ name }) => name === one.name)}
            />
          ))}
        </ul>
      )}
    </>
  )
}
