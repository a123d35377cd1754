import { Argument, Command } from 'commander'
import { addAccessCommands } from './access-commands.ts'
import { addAdministration } from './administration.ts'
import { addAuditCommand } from './audit-command.ts'
import { addBuildCommands } from './build-commands.ts'
import { addCallCommands } from './call-commands.ts'
import { type CommandContext, example } from './command-context.ts'
import type { Shell } from './completion.ts'
import { addConfigurationCommands } from './configuration/configuration-commands.ts'
import { addConnectCommands } from './connect-commands.ts'
import { addDeployCommands } from './deploy-commands.ts'
import { addFunctionCommands } from './function-commands.ts'
import { addFunctionTools } from './function-tools.ts'
import { addInstallationCommands } from './installation-commands.ts'
import { addLoginCommands } from './login-commands.ts'
import { addLookCommands } from './look-commands.ts'
import { addNotificationCommands } from './notification-commands.ts'
import { addRepositoryCommand } from './repository-command.ts'
import { addSecretCommands } from './secret-commands.ts'
import { addVariableCommands } from './variable-commands.ts'

export interface ProgramOptions {
  /** A browser can be opened here. */
  hasScreen: boolean
  /** Ends the process after a help, 0, or what was written wrong, 2. */
  exit(code: 0 | 2): never
}

/** All commands with their help, in the groups in which they are shown. */
export function createProgram(context: CommandContext, { hasScreen, exit }: ProgramOptions): Command {
  // Each command takes these over as it is made.
  const program = new Command('slipway')
    .description('A git push becomes running functions.')
    .showHelpAfterError()
    .exitOverride(({ exitCode }) => exit(exitCode === 0 ? 0 : 2))

  program.commandsGroup('From a folder or a push to live:')
  addFunctionTools(program, context)
  addDeployCommands(program, context)
  addLookCommands(program, context)
  addBuildCommands(program, context)

  program.commandsGroup('Functions:')
  addFunctionCommands(program, context)
  addVariableCommands(program, context)
  addSecretCommands(program, context)
  addAccessCommands(program, context)

  program.commandsGroup('Who works with it:')
  addLoginCommands(program, context, hasScreen)
  addRepositoryCommand(program, context)
  addNotificationCommands(program, context)
  addCallCommands(program, context)
  addAuditCommand(program, context)

  program.commandsGroup('The installation:')
  addInstallationCommands(program, context)
  addConnectCommands(program, context, hasScreen)
  addConfigurationCommands(program, context)
  addAdministration(program, context)
  program
    .command('completion')
    .description('a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      example('source <(slipway completion bash)', 'slipway completion fish > ~/.config/fish/completions/slipway.fish')
    )
    .action(async (shell: Shell) => {
      const { completionFor } = await import('./completion.ts')
      context.print(completionFor(shell, program))
    })

  // Below a name that is none the help of all would leave nothing of the error on the screen.
  program.showHelpAfterError('"slipway --help" lists all commands')
  return program
}
