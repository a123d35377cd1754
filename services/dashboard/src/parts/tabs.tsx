export interface Tab {
  href: string
  label: string
  isCurrent: boolean
}

/** Links, not buttons: each can be opened, shared and gone back to. */
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, label, isCurrent }) => (
        <a key={href} href={href} {...(isCurrent ? { 'aria-current': 'page' as const } : {})}>
          {label}
        </a>
      ))}
    </nav>
  )
}
