import type { Command } from 'commander'
import { type CommandContext, connected, example } from './command-context.ts'
import { integer } from './option.ts'

/** `slipway status | logs`. */
export function addLookCommands(program: Command, context: CommandContext): void {
  const { print } = context

  program
    .command('status')
    .description('what is live, and what is on its way')
    .option('--owner <slug>', 'of one owner')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway status', 'slipway status --owner alice --json'))
    .action(async ({ owner, json = false }: { owner?: string; json?: boolean }) => {
      const api = await connected(context)
      const { status } = await import('./status.ts')
      print(await status(api, { json, ...(owner === undefined ? {} : { owner }) }, Date.now()))
    })

  program
    .command('logs [function]')
    .description(
      'what a function (owner/function) prints, or the log of a build: the newest one unless --build names another'
    )
    .option('-f, --follow', 'go on until it ends')
    .option('--build <id>', 'a build instead of a function')
    .option('--tail <lines>', 'only the last lines of each replica', integer(0, 100_000))
    .addHelpText(
      'after',
      example('slipway logs alice/hello --tail 20', 'slipway logs -f', 'slipway logs --build 0199c0de-…')
    )
    .action(async (functionName: string | undefined, options: { follow?: boolean; build?: string; tail?: number }) => {
      const api = await connected(context)
      const { logs } = await import('./logs.ts')
      const stop = new AbortController()
      process.once('SIGINT', () => stop.abort())
      const { follow = false, ...rest } = options
      try {
        const wanted = { follow, ...rest, ...(functionName === undefined ? {} : { functionName }) }
        await logs(api, wanted, context.directory, print, stop.signal)
      } catch (err) {
        if (!stop.signal.aborted) throw err
      }
    })
}
