import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ownerHref } from '../addresses.ts'
import { useStream, useStreamState } from '../live/context.ts'
import { rightOf } from '../live/may.ts'
import { useMe } from '../live/use-me.ts'
import { Avatar } from '../parts/avatar.tsx'
import { Mark } from './mark.tsx'
import { OwnerNav } from './owner-nav.tsx'
import { ShownOwnerContext, useOwnerOf } from './shown-owner.ts'
import { UserMenu } from './user-menu.tsx'

/** What stands around every page: where one is, who one is, and whether what one sees is of now. */
export function Shell({ children }: { children: ComponentChildren }) {
  const stream = useStream()
  const { path } = useLocation()
  const shown = useOwnerOf(path)
  const { owner } = shown
  useEffect(() => {
    stream.start()
    return () => stream.stop()
  }, [stream])
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <div class="top-row">
          <a href="/" class="brand">
            <Mark />
            Slipway
          </a>
          {owner !== null && (
            <a href={ownerHref(owner)} class="crumb">
              <Avatar name={owner} />
              <span class="clip">{owner}</span>
            </a>
          )}
          {owner !== null && <OnlyReads owner={owner} />}
          <span class="spacer" />
          <Connection />
          <UserMenu />
        </div>
        {owner !== null && <OwnerNav owner={owner} path={path} />}
      </header>
      <main id="main" tabIndex={-1}>
        <ShownOwnerContext.Provider value={shown}>{children}</ShownOwnerContext.Provider>
      </main>
    </>
  )
}

/** Why there are no buttons. */
function OnlyReads({ owner }: { owner: string }) {
  const right = rightOf(useMe(), owner)
  if (right !== null && right !== 'read') return null
  return (
    <span class="chip" title={`Who administers ${owner} at its forge can let you do more.`}>
      {right === null ? 'Public pages' : 'You may look'}
    </span>
  )
}

function Connection() {
  const state = useStreamState()
  const words = { connecting: 'Connecting', open: 'Live', lost: 'Reconnecting' }[state]
  return (
    <span
      class={`connection is-${state}`}
      role="status"
      title={state === 'open' ? 'What you see is of now' : undefined}
    >
      <span class="dot" aria-hidden="true" />
      <span class="words">{words}</span>
    </span>
  )
}
