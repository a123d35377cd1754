import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ownerHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { Avatar } from '../parts/avatar.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'

/** Owners to choose from; who has one alone is taken there. */
export function HomePage() {
  const owners = useLoaded('listOwners', { limit: 200 }, ({ kind }) => kind === 'delivery')
  const { route } = useLocation()
  const named = owners.data?.items.flatMap(({ slug }) => slug ?? []) ?? []
  const [only] = named
  useEffect(() => {
    if (named.length === 1 && only !== undefined) route(ownerHref(only), true)
  }, [named.length, only])
  return (
    <div class="page">
      <PageHead title="Owners" note="Each account or group whose repositories deploy here." />
      <Show of={owners}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was pushed yet">
              <p>
                Connect a repository that has a <code>stack.yml</code> and push to it: its owner appears here within a
                second.
              </p>
            </Empty>
          ) : (
            <ul class="rows">
              {items.map(({ id, slug, login, forgeId }) => (
                <li key={id} class="row owner-row">
                  <Avatar name={slug ?? login} />
                  <div class="row-main">
                    {slug === null ? (
                      <span class="strong">{login}</span>
                    ) : (
                      <a href={ownerHref(slug)} class="strong">
                        {slug}
                      </a>
                    )}
                    {slug === null && <span class="note">has no name here yet: an administrator gives it one</span>}
                  </div>
                  <span class="row-end note">{forgeId === 'api' ? 'without a forge' : `${login} at ${forgeId}`}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </div>
  )
}
