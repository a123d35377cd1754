import { useEffect, useRef } from 'preact/hooks'

export interface Tab {
  href: string
  label: string
  isCurrent: boolean
}

/** Links, not buttons: each can be opened, shared and gone back to. */
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  const nav = useRef<HTMLElement>(null)
  const current = tabs.findIndex(({ isCurrent }) => isCurrent)
  // On a narrow screen the one where one is would be out of sight.
  useEffect(() => {
    const [bar, link] = [nav.current, nav.current?.children[current]]
    if (bar === null || !(link instanceof HTMLElement)) return
    const hidden = link.offsetLeft - bar.offsetLeft + link.offsetWidth - bar.clientWidth
    if (hidden > 0) bar.scrollLeft = hidden + 24
  }, [current])
  return (
    <nav ref={nav} class="tabs" aria-label={label}>
      {tabs.map(({ href, label, isCurrent }) => (
        <a key={href} href={href} data-label={label} {...(isCurrent ? { 'aria-current': 'page' as const } : {})}>
          {label}
        </a>
      ))}
    </nav>
  )
}
