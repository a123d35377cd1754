import type { Command } from 'commander'
import { type CommandContext, example, shown } from '../command-context.ts'

/** `slipway config check`. */
export function addConfigurationCommands(
  program: Command,
  { print, env }: Pick<CommandContext, 'print' | 'env'>
): void {
  const config = program
    .command('config')
    .description('the settings: those of the environment, and those of one file, slipway.env')

  config
    .command('check')
    .description('name every setting that is unknown or wrong, before anything starts with it')
    .option('--file <path>', 'this file; by default SLIPWAY_CONFIG, or slipway.env in SLIPWAY_HOME')
    .option('--json', 'for programs')
    .addHelpText('after', example('$ slipway config check --file /etc/slipway.env'))
    .action(async ({ file: named, json = false }: { file?: string; json?: boolean }) => {
      const { checkSettings } = await import('./check.ts')
      const checked = checkSettings(env, named)
      if (checked.problems.length > 0) process.exitCode = 1
      if (json) return print(shown(checked))
      for (const problem of checked.problems) print(`!! ${problem}`)
      for (const name of checked.hidden) print(`   ${name} is in the environment, too, which wins`)
      const whose = checked.file ?? 'the environment alone (no slipway.env)'
      print(
        checked.problems.length === 0
          ? `ok ${whose}`
          : `${checked.problems.length} to mend in ${whose}; docs/settings.md has every setting`
      )
    })
}
