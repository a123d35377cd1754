import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ownerHref } from '../addresses.ts'
import { useStream, useStreamState } from '../live/context.ts'
import { OwnerNav } from './owner-nav.tsx'
import { useShownOwner } from './shown-owner.ts'
import { UserMenu } from './user-menu.tsx'

/** What stands around every page: where one is, who one is, and whether what one sees is of now. */
export function Shell({ children }: { children: ComponentChildren }) {
  const stream = useStream()
  const { path } = useLocation()
  const owner = useShownOwner(path)
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
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <path d="M6 22 26 12v5L6 27z" />
              <path d="M6 13 18 7v5L6 18z" opacity=".55" />
            </svg>
            Slipway
          </a>
          {owner !== null && (
            <a href={ownerHref(owner)} class="crumb">
              {owner}
            </a>
          )}
          <span class="spacer" />
          <Connection />
          <UserMenu />
        </div>
        {owner !== null && <OwnerNav owner={owner} path={path} />}
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
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
