import type { OwnerView, StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown, withHints } from './command-context.ts'
import { onOneLine, table } from './table.ts'

interface Options {
  json?: boolean
}

type Context = Pick<CommandContext, 'settings' | 'print'>

const hints = { 'not-found': '"slipway admin owners" lists them' } as const

/** `slipway admin owners`, `suspend` and `unsuspend`. */
export function addOwnerAdministration(admin: Command, context: Context): void {
  const owners = admin
    .command('owners')
    .description('whose functions run here, and who may not build')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin owners'))
    .action(async ({ json = false }: Options) => {
      const items = await allOwners(await connected(context))
      context.print(json ? shown(items) : asTable(items))
    })
  owners
    .command('add <slug>')
    .description('make an owner without a forge, who deploys folders')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin owners add alice'))
    .action(async (slug: string, _options: Options, command: Command) => {
      const { json = false } = command.optsWithGlobals<Options>()
      const api = await connected(context)
      const owner = await api.addOwner({ slug })
      context.print(
        json ? shown(owner) : `${slug} is an owner: "slipway deploy <folder> --owner ${slug}" brings a folder live`
      )
    })
  owners
    .command('remove <slug>')
    .description(
      'remove an owner without a forge, of which nothing runs any more, with its tokens, secrets and variables'
    )
    .addHelpText('after', example('slipway admin owners remove alice'))
    .action(async (slug: string) => {
      const api = await connected(context)
      const owner = (await allOwners(api)).find((one) => one.slug === slug)
      if (owner === undefined) throw new Failure('not-found', `there is no owner "${slug}": ${hints['not-found']}`)
      await api.removeOwner({ id: owner.id })
      context.print(`${slug} is removed; what it did stands in the audit log`)
    })
  admin
    .command('suspend <owner>')
    .description('stop builds and deploys of an owner; its functions go on answering')
    .requiredOption('--reason <text>', 'shown to the owner with each build that it stops')
    .addHelpText('after', example("slipway admin suspend alice --reason 'ask operations about the bill'"))
    .action(async (owner: string, { reason }: { reason: string }) => {
      const api = await connected(context)
      await withHints(api.setSuspension({ owner, isSuspended: true, reason }), hints)
      context.print(`builds and deploys of ${owner} are refused; its functions go on answering`)
      context.print(`"slipway admin unsuspend ${owner}" lets it go on`)
    })
  admin
    .command('unsuspend <owner>')
    .description('let builds and deploys of an owner go on')
    .addHelpText('after', example('slipway admin unsuspend alice'))
    .action(async (owner: string) => {
      const api = await connected(context)
      const { isListed } = await withHints(api.setSuspension({ owner, isSuspended: false }), hints)
      context.print(
        isListed
          ? `builds and deploys of ${owner} go on; heads that were pushed meanwhile are built when they are next looked for`
          : `${owner} is not suspended any more, and not on the allow list either: nothing of it is built`
      )
    })
}

async function allOwners(api: Pick<StatusApi, 'listOwners'>): Promise<OwnerView[]> {
  const owners: OwnerView[] = []
  for (let before: string | null | undefined; before !== null; ) {
    const page = await api.listOwners({ limit: 200, ...(before === undefined ? {} : { before }) })
    owners.push(...page.items)
    before = page.next
  }
  return owners
}

function stateOf({ slug, isListed, suspension }: OwnerView): string {
  if (suspension !== null) return `suspended: ${suspension.reason}`
  if (!isListed) return 'not on the allow list'
  return slug === null ? 'waits for a name' : 'builds'
}

function asTable(owners: OwnerView[]): string {
  if (owners.length === 0) return 'there is no owner yet: push something, or "slipway admin owners add <slug>"'
  return table(
    ['OWNER', 'AT', 'LOGIN', 'ISOLATION', 'STATE'],
    owners.map((one) =>
      [one.slug ?? '-', one.forgeId, one.login, one.buildIsolation ?? 'default', stateOf(one)].map(onOneLine)
    )
  )
}
