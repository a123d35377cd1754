import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { AuditFilter } from './audit.ts'
import { type CommandContext, connected, example } from './command-context.ts'
import { integer } from './option.ts'

interface Options {
  owner?: string
  action?: string
  by?: string
  on?: string
  since?: number
  limit: number
  follow?: boolean
  json?: boolean
}

const everyMs = 1000

/** `slipway audit`. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  const { print } = context
  program
    .command('audit')
    .description('who changed what, and who was refused what: newest first, or as it happens with --follow')
    .option('--owner <slug>', 'of one owner')
    .option('--action <action>', 'of one kind: rollback, set-secret, create-token, refused, …')
    .option('--by <text>', 'by whom: a part of the name')
    .option('--on <text>', 'on what: a part of it, as function/hello')
    .option('--since <time>', 'not older than so long (30m, 6h, 7d) or this time (2026-01-31)', since)
    .option('--limit <count>', 'so many', integer(1, 1000), 50)
    .option('-f, --follow', 'go on, oldest first')
    .option('--json', 'for programs: an entry a line')
    .addHelpText(
      'after',
      example('slipway audit --owner alice --since 7d', 'slipway audit --action refused', 'slipway audit -f --json')
    )
    .action(async ({ limit, follow = false, json = false, owner, since: at, ...parts }: Options) => {
      const api = await connected(context)
      const { followAudit, lineOf, listAudit, tableOf } = await import('./audit.ts')
      const filter: AuditFilter = { ...parts, ...(owner === undefined ? {} : { owner }), since: at ?? 0 }
      if (follow) {
        const stop = new AbortController()
        process.once('SIGINT', () => stop.abort())
        const wait = () => sleep(everyMs, undefined, { signal: stop.signal }).catch(() => null)
        for await (const entry of followAudit(api, filter, limit, wait, stop.signal)) {
          print(json ? JSON.stringify(entry) : lineOf(entry))
        }
        return
      }
      const entries = await listAudit(api, filter, limit)
      if (json) for (const entry of entries) print(JSON.stringify(entry))
      else print(entries.length === 0 ? 'Nothing of that is written down.' : tableOf(entries, Date.now()))
    })
}

const units: Record<string, number> = { m: 60_000, h: 3600_000, d: 24 * 3600_000 }

/** A moment: so long ago, or a date. */
function since(value: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(value) ?? []
  if (count !== undefined) return Date.now() - Number(count) * (units[unit] ?? 0)
  const at = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(at)) throw new InvalidArgumentError('write 30m, 6h, 7d, or a date as 2026-01-31.')
  return at
}
