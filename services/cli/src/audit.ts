import type { AuditView, StatusApi } from '@slipway/client'
import { ago, onOneLine, table } from './table.ts'

type Api = Pick<StatusApi, 'listAudit'>

export interface AuditFilter {
  owner?: string
  action?: string
  /** Parts of who did it, and of what it was done to. */
  by?: string
  on?: string
  /** Nothing older. */
  since: number
}

const pageSize = 200

/** Newest first. It goes as far back as it must to find so many. */
export async function listAudit(api: Api, filter: AuditFilter, limit: number): Promise<AuditView[]> {
  const found: AuditView[] = []
  for await (const entry of entriesOf(api, filter)) {
    if (found.length === limit) break
    if (matches(entry, filter)) found.push(entry)
  }
  return found
}

/** Oldest first: the last ones that are there, then what comes. */
export async function* followAudit(
  api: Api,
  filter: AuditFilter,
  limit: number,
  wait: () => Promise<unknown>,
  signal: AbortSignal
): AsyncGenerator<AuditView> {
  let known = await newestOf(api, filter)
  const first = await listAudit(api, filter, limit)
  // What came between the two questions comes with the next one.
  for (const entry of first.toReversed()) if (known !== null && entry.id <= known) yield entry
  while (!signal.aborted) {
    await wait()
    if (signal.aborted) return
    const fresh: AuditView[] = []
    for await (const entry of entriesOf(api, filter)) {
      if (known !== null && entry.id <= known) break
      fresh.push(entry)
    }
    known = fresh[0]?.id ?? known
    for (const entry of fresh.toReversed()) if (matches(entry, filter)) yield entry
  }
}

async function newestOf(api: Api, { owner }: AuditFilter): Promise<string | null> {
  const { items } = await api.listAudit({ limit: 1, ...(owner === undefined ? {} : { owner }) })
  return items[0]?.id ?? null
}

async function* entriesOf(api: Api, { owner, since }: AuditFilter): AsyncGenerator<AuditView> {
  for (let before: string | null | undefined; before !== null; ) {
    const about = { ...(owner === undefined ? {} : { owner }), ...(before === undefined ? {} : { before }) }
    const page = await api.listAudit({ limit: pageSize, ...about })
    for (const entry of page.items) {
      if (entry.at < since) return
      yield entry
    }
    before = page.next
  }
}

function matches({ action, actor, resource }: AuditView, filter: AuditFilter): boolean {
  const { action: wanted = action, by = '', on = '' } = filter
  return action === wanted && actor.toLowerCase().includes(by.toLowerCase()) && resource.includes(on)
}

export function tableOf(entries: readonly AuditView[], now: number): string {
  return table(
    ['WHEN', 'OWNER', 'WHO', 'DID', 'TO WHAT', ''],
    entries.map(({ at, owner, actor, action, resource, detail }) => [
      ago(at, now),
      owner ?? '',
      onOneLine(actor),
      action,
      onOneLine(resource),
      detailOf(detail)
    ])
  )
}

/** One that came just now. */
export function lineOf({ at, owner, actor, action, resource, detail }: AuditView): string {
  const parts = [
    new Date(at).toISOString(),
    owner ?? '-',
    onOneLine(actor),
    action,
    onOneLine(resource),
    detailOf(detail)
  ]
  return parts.join('  ').trimEnd()
}

function detailOf(detail: AuditView['detail']): string {
  const text = Object.keys(detail).length === 0 ? '' : onOneLine(JSON.stringify(detail))
  return text.length > 120 ? `${text.slice(0, 119)}…` : text
}
