import type { GivenUpCallView } from '@slipway/client'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown, withHints } from './command-context.ts'
import { ago, onOneLine, tableOfReasons } from './table.ts'

interface Options {
  owner?: string
  json?: boolean
}

const notFound = { 'not-found': '"slipway calls list" lists them' } as const

/** `slipway calls list | retry | drop`. */
export function addCallCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context
  const group = program.command('calls').description('asynchronous calls that were given up')

  group
    .command('list')
    .description('what was given up, and why: kept for a week')
    .option('--owner <slug>', 'of an owner; by default the owner of the repository of this directory')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway calls list --owner alice'))
    .action(async ({ owner: named, json = false }: Options) => {
      const api = await connected(context)
      const { ownerOf } = await import('./owner.ts')
      const owner = await ownerOf(api, named, directory)
      const { items } = await api.listGivenUpCalls({ owner, state: 'failed' })
      print(json ? shown(items) : shownCalls(items, Date.now()))
    })

  for (const [verb, what] of [
    ['retry', 'make a call again, with all its tries'],
    ['drop', 'forget a call']
  ] as const) {
    group
      .command(`${verb} <function> <id>`)
      .description(what)
      .addHelpText('after', example(`slipway calls ${verb} alice/hello 17`))
      .action(async (named: string, call: string) => {
        const api = await connected(context)
        const { functionOf } = await import('./owner.ts')
        const about = { ...(await functionOf(api, named, directory)), call }
        const done = verb === 'retry' ? api.retryGivenUpCall(about) : api.dropGivenUpCall(about)
        print((await withHints(done, notFound)).message)
      })
  }
}

function shownCalls(calls: readonly GivenUpCallView[], now: number): string {
  if (calls.length === 0) return 'No call was given up.'
  return tableOfReasons(
    ['FUNCTION', 'ID', 'CALL', 'TRIES', 'GIVEN UP', 'WHY'],
    calls.map((one) => [
      `${one.owner}/${one.function}`,
      one.id,
      onOneLine(`${one.method} ${one.path}`),
      String(one.attempts),
      one.givenUpAt === null ? '-' : ago(one.givenUpAt, now),
      one.reason
    ])
  )
}
