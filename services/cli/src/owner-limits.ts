import type { LimitsView } from '@slipway/client'
import { Failure, type LimitName, limitKinds, limitNames, limitText, type OwnLimits } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown, withHints } from './command-context.ts'
import { table } from './table.ts'

const hints = { 'not-found': '"slipway admin owners" lists them' } as const

/** `slipway admin limits`: what an owner may have, and has. */
export function addLimitCommand(admin: Command, context: Pick<CommandContext, 'settings' | 'print'>): void {
  admin
    .command('limits <owner> [changes...]')
    .description('what an owner may have and has; a change is name=number, name=none, or name=default')
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      `\nLimits:\n${limitNames.map((name) => `  ${name.padEnd(26)}${limitKinds[name].what}`).join('\n')}`
    )
    .addHelpText(
      'after',
      example('slipway admin limits alice', 'slipway admin limits alice functions=20 memory-mb=4096 builds=default')
    )
    .action(async (owner: string, changes: string[], { json = false }: { json?: boolean }) => {
      const wanted = changes.map(changeOf)
      const api = await connected(context)
      let view = await withHints(api.getLimits({ owner }), hints)
      if (wanted.length > 0) view = await api.setLimits({ owner, own: changed(view.own, wanted) })
      const { quotas } = await api.getUsage({ owner })
      const used = new Map<LimitName, number>(quotas.map((one) => [one.name, one.used]))
      context.print(json ? shown({ ...view, used: Object.fromEntries(used) }) : asTable(view, used))
    })
}

type Change = [name: LimitName, value: number | null | undefined]

function isLimit(name: string): name is LimitName {
  return Object.hasOwn(limitKinds, name)
}

/** @throws Failure `invalid-request` saying how a change is written */
function changeOf(text: string): Change {
  const [name = '', value = ''] = text.split('=')
  if (!isLimit(name)) {
    throw new Failure(
      'invalid-request',
      `there is no limit ${JSON.stringify(name)}: there are ${limitNames.join(', ')}`
    )
  }
  if (value === 'none') return [name, null]
  if (value === 'default') return [name, undefined]
  if (!/^\d{1,9}$/.test(value)) {
    throw new Failure('invalid-request', `${name}=${value}: write ${name}=<number>, ${name}=none or ${name}=default`)
  }
  return [name, Number(value)]
}

function changed(own: OwnLimits, changes: Change[]): OwnLimits {
  const all = Object.entries({ ...own, ...Object.fromEntries(changes) })
  return Object.fromEntries(all.filter(([, value]) => value !== undefined))
}

function asTable({ limits, own }: LimitsView, used: ReadonlyMap<LimitName, number>): string {
  return table(
    ['LIMIT', 'HAS', 'MAY HAVE', 'SET FOR', 'WHAT'],
    limitNames.map((name) => {
      const has = used.get(name)
      const whose = Object.hasOwn(own, name) ? 'this owner' : 'everybody'
      return [
        name,
        has === undefined ? '' : limitText(name, has),
        limitText(name, limits[name]),
        whose,
        limitKinds[name].what
      ]
    })
  )
}
