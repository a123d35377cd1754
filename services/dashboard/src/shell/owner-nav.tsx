import { ownerHref } from '../addresses.ts'
import { Tabs } from '../parts/tabs.tsx'

const pages = [
  ['', 'Overview'],
  ['builds', 'Builds'],
  ['repositories', 'Repositories'],
  ['variables', 'Variables'],
  ['secrets', 'Secrets'],
  ['tokens', 'Tokens'],
  ['audit', 'Audit']
] as const

export function OwnerNav({ owner, path }: { owner: string; path: string }) {
  const isCurrent = (page: string) => {
    const href = ownerHref(owner, page)
    if (page === '') return path === href || path.startsWith(ownerHref(owner, 'functions/'))
    return path === href || path.startsWith(`${href}/`) || (page === 'builds' && path.startsWith('/builds/'))
  }
  return (
    <Tabs
      label={`Pages of ${owner}`}
      tabs={pages.map(([page, label]) => ({ href: ownerHref(owner, page), label, isCurrent: isCurrent(page) }))}
    />
  )
}
