import type { Command } from 'commander'
import { type CommandContext, connected, example } from './command-context.ts'
import { addForgeAdministration } from './connect-commands.ts'
import { addHealthCommand } from './health-command.ts'
import { addOwnerAdministration } from './owner-administration.ts'
import { addLimitCommand } from './owner-limits.ts'
import { addQueueCommand } from './queue-command.ts'
import { addSecretAdministration } from './secret-commands.ts'

/** `slipway admin …`. */
export function addAdministration(program: Command, context: CommandContext): void {
  const { print } = context
  const admin = program.command('admin').description('what the administrator of the installation does')

  admin
    .command('gc')
    .description('take away now what is not kept: logs, builds, images, mirrors and what dead workers left')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin gc'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const api = await connected(context)
      const { cleanUp } = await import('./clean-up.ts')
      const { text, isWhole } = await cleanUp(api, { json })
      print(text)
      if (!isWhole) process.exitCode = 1
    })

  admin
    .command('claim')
    .description('a link that is good once: the account that opens it signed in becomes an administrator')
    .option('--session', "it signs in itself, as the installation's administrator")
    .addHelpText('after', example('slipway admin claim', 'slipway admin claim --session'))
    .action(async ({ session = false }: { session?: boolean }) => {
      const api = await connected(context)
      const { url, expiresAt } = await api.createClaim({ opensSession: session })
      print(url)
      print(`good once, until ${new Date(expiresAt).toISOString()}`)
    })

  admin
    .command('isolation <owner> <mode>')
    .description("how an owner's builds are kept apart: shared, strict, or default as the installation does")
    .addHelpText('after', example('slipway admin isolation alice strict'))
    .action(async (owner: string, mode: string) => {
      const api = await connected(context)
      const { setIsolation } = await import('./isolation.ts')
      print(await setIsolation(api, owner, mode))
    })

  addOwnerAdministration(admin, context)
  addLimitCommand(admin, context)
  addHealthCommand(admin, context)
  addQueueCommand(admin, context)
  addSecretAdministration(admin, context)
  addForgeAdministration(admin, context)
}
