import { ownerHref } from '../addresses.ts'
import { useMay } from '../live/use-may.ts'
import { Tabs } from '../parts/tabs.tsx'

/** Each with what one must be let to do there. */
const pages = [
  ['', 'Overview', null],
  ['builds', 'Builds', null],
  ['repositories', 'Repositories', null],
  ['variables', 'Variables', 'listVariables'],
  ['secrets', 'Secrets', 'listSecrets'],
  ['tokens', 'Tokens', 'listTokens'],
  ['notifications', 'Notifications', 'listNotifications'],
  ['audit', 'Audit', 'listAudit']
] as const

export function OwnerNav({ owner, path }: { owner: string; path: string }) {
  const may = useMay()
  const shown = pages.filter(([, , route]) => route === null || may(route, { owner }))
  const isCurrent = (page: string) => {
    const href = ownerHref(owner, page)
    if (page === '') return path === href || path.startsWith(ownerHref(owner, 'functions/'))
    return path === href || path.startsWith(`${href}/`) || (page === 'builds' && path.startsWith('/builds/'))
  }
  return (
    <Tabs
      label={`Pages of ${owner}`}
      tabs={shown.map(([page, label]) => ({ href: ownerHref(owner, page), label, isCurrent: isCurrent(page) }))}
    />
  )
}
