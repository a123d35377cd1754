import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { useShownOwner } from '../shell/shown-owner.ts'

/** A page's title, which is also the window's: there with whose it is, to tell one tab from another. */
export function PageHead({
  title,
  note,
  children
}: {
  title: string
  note?: ComponentChildren
  children?: ComponentChildren
}) {
  const owner = useShownOwner()
  useEffect(() => {
    document.title = [title, ...(owner === null || owner === title ? [] : [owner]), 'Slipway'].join(' · ')
  }, [title, owner])
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {note !== undefined && <p class="note">{note}</p>}
      </div>
      {children !== undefined && <div class="actions">{children}</div>}
    </header>
  )
}

export function Section({
  title,
  note,
  actions,
  children
}: {
  title: string
  note?: ComponentChildren
  actions?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <section class="section" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
        {actions !== undefined && <div class="actions">{actions}</div>}
      </div>
      {children}
    </section>
  )
}
