#!/usr/bin/env node
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain/failure'
import { addSettingsFile } from '@slipway/service/settings-file'
import { Argument, Command, Option } from 'commander'
import { addAccessCommands } from './access-commands.ts'
import { addAuditCommand } from './audit-command.ts'
import { addBuildCommands } from './build-commands.ts'
import { example } from './command-context.ts'
import type { Shell } from './completion.ts'
import { addConfigurationCommands } from './configuration/configuration-commands.ts'
import { addConnectCommands, addForgeAdministration } from './connect-commands.ts'
import { connect } from './connection.ts'
import { addDeployCommands } from './deploy-commands.ts'
import { addFunctionCommands } from './function-commands.ts'
import { addFunctionTools } from './function-tools.ts'
import { addLoginCommands } from './login-commands.ts'
import { addNotificationCommands } from './notification-commands.ts'
import { collected } from './option.ts'
import { addOwnerAdministration } from './owner-administration.ts'
import { addLimitCommand } from './owner-limits.ts'
import { addQueueCommand } from './queue-command.ts'
import { addRepositoryCommand } from './repository-command.ts'
import { addSecretAdministration, addSecretCommands } from './secret-commands.ts'
import { continueSmall } from './small-process.ts'
import { table } from './table.ts'
import { addVariableCommands } from './variable-commands.ts'

const settings = {
  SLIPWAY_HOME: process.env.SLIPWAY_HOME ?? '.slipway',
  LOGINS_FILE: join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'slipway', 'logins.json'),
  ...(process.env.SLIPWAY_URL === undefined ? {} : { SLIPWAY_URL: process.env.SLIPWAY_URL }),
  ...(process.env.SLIPWAY_TOKEN === undefined ? {} : { SLIPWAY_TOKEN: process.env.SLIPWAY_TOKEN })
}
const print = (line: string) => process.stdout.write(`${line}\n`)

async function openLog() {
  const { createLogger } = await import('@slipway/service/logger')
  return createLogger('slipway', process.env.LOG_LEVEL ?? 'warn')
}

/** Aborts at Ctrl-C: what was begun is cleared away. */
function interrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Failure('cancelled', 'interrupted')))
  return stop.signal
}

const program = new Command('slipway')
  .description('A git push becomes running functions.')
  .showHelpAfterError()
  // What is written wrong is a usage error, not a failure.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))

program
  .command('up')
  .description('run everything on this machine: two processes, Redis and a registry beside them')
  .addOption(new Option('--load-only', 'load everything and end').hideHelp())
  .action(async ({ loadOnly = false }: { loadOnly?: boolean }) => {
    continueSmall(resolve(settings.SLIPWAY_HOME), process.env, ['up', '--load-only'])
    // What only `up` needs is loaded only here: the other commands start at once.
    const { up } = await import('./up.ts')
    const { unknownSettings } = await import('./configuration/check.ts')
    if (loadOnly) return void (await import('@slipway/gateway/main'))
    const { run } = await import('@slipway/service/run')
    const logger = await openLog()
    await run(() => {
      addSettingsFile(process.env)
      for (const problem of unknownSettings(process.env)) print(`!! ${problem}`)
      logger.level = process.env.LOG_LEVEL || logger.level
      return up(process.env, logger, print)
    }, logger)
  })

program
  .command('doctor')
  .description('what is missing on this machine, and how to get it')
  .option('--no-probe', 'run no small builds to find out what holds of builds here')
  .option('--json', 'for programs')
  .action(async ({ probe, json = false }: { probe: boolean; json?: boolean }) => {
    const { doctor } = await import('./doctor.ts')
    addSettingsFile(process.env)
    const findings = await doctor(process.env, await openLog(), { probe })
    print(
      json
        ? JSON.stringify(findings, null, 2)
        : table(
            ['', 'WHAT', ''],
            findings.map((one) => [one.isOk ? 'ok' : '!!', one.name, one.detail])
          )
    )
    if (findings.some(({ isOk }) => !isOk)) process.exitCode = 1
  })

program
  .command('status')
  .description('what is live, and what is on its way')
  .option('--owner <slug>', 'of one owner')
  .option('--json', 'for programs')
  .action(async ({ owner, json = false }: { owner?: string; json?: boolean }) => {
    const { api } = await connect(settings)
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
  .option('--tail <lines>', 'only the last lines of each replica', Number)
  .action(async (functionName: string | undefined, options: { follow?: boolean; build?: string; tail?: number }) => {
    const { api } = await connect(settings)
    const { logs } = await import('./logs.ts')
    const stop = new AbortController()
    process.once('SIGINT', () => stop.abort())
    const { follow = false, ...rest } = options
    try {
      await logs(api, { follow, ...rest, ...(functionName === undefined ? {} : { functionName }) }, print, stop.signal)
    } catch (err) {
      if (!stop.signal.aborted) throw err
    }
  })

program
  .command('backup [file]')
  .description('write all of this installation into one encrypted file, while it runs')
  .option('--recipient <age1…>', 'a key of age-keygen instead of BACKUP_PASSPHRASE; may be given again', collected, [])
  .action(async (file: string | undefined, { recipient }: { recipient: string[] }) => {
    const { backup } = await import('./backup/backup.ts')
    addSettingsFile(process.env)
    const name = file ?? `slipway-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.backup.age`
    const keys = { passphrase: process.env.BACKUP_PASSPHRASE, recipients: recipient }
    const report = await backup({ env: process.env, file: resolve(name), keys, now: Date.now }, interrupted())
    const images =
      report.externalRegistry === null ? `${report.images} images` : `images stay in ${report.externalRegistry}`
    print(`${report.file}: ${(report.bytes / 1024 ** 2).toFixed(1)} MiB, ${images}`)
    for (const image of report.missing) print(`!! not in the backup, for the registry does not have it: ${image}`)
    if (report.missing.length > 0) process.exitCode = 1
  })

program
  .command('restore <file>')
  .description('make an installation of a backup, in an empty SLIPWAY_HOME; then "slipway up"')
  .option('--identity <file>', 'the file of age-keygen instead of BACKUP_PASSPHRASE')
  .option('--force', 'also where an installation is already: it is put aside')
  .action(async (file: string, { identity, force = false }: { identity?: string; force?: boolean }) => {
    const { restore } = await import('./backup/restore.ts')
    addSettingsFile(process.env)
    const keys = { passphrase: process.env.BACKUP_PASSPHRASE, identityFile: identity }
    const options = { env: process.env, file: resolve(file), keys, force, now: Date.now }
    const { createdAt, rows, images, aside } = await restore(options, interrupted())
    print(`restored what was backed up at ${new Date(createdAt).toISOString()}: ${rows} rows, ${images} images`)
    if (aside !== null) print(`what was there before is in ${aside}`)
    print('start it with "slipway up"')
  })

const context = { settings, print, directory: process.cwd(), env: process.env }
const hasScreen = process.platform === 'darwin' || (process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY) !== undefined
addBuildCommands(program, context)
addAuditCommand(program, context)
addFunctionCommands(program, context)
addDeployCommands(program, context)
addFunctionTools(program, context)
addLoginCommands(program, context, hasScreen)
addVariableCommands(program, context)
addAccessCommands(program, context)
addRepositoryCommand(program, context)
addNotificationCommands(program, context)
addSecretCommands(program, { settings, print })
addConnectCommands(program, context, hasScreen)
addConfigurationCommands(program, context)

const admin = program.command('admin').description('what the administrator of the installation does')

admin
  .command('gc')
  .description('take away now what is not kept: logs, builds, images, mirrors and what dead workers left')
  .option('--json', 'for programs')
  .action(async ({ json = false }: { json?: boolean }) => {
    const { api } = await connect(settings)
    const { cleanUp } = await import('./clean-up.ts')
    const { text, isWhole } = await cleanUp(api, { json })
    print(text)
    if (!isWhole) process.exitCode = 1
  })

admin
  .command('claim')
  .description('a link that is good once: the account that opens it signed in becomes an administrator')
  .option('--session', "it signs in itself, as the installation's administrator")
  .addHelpText('after', '\nExample:\n  $ slipway admin claim')
  .action(async ({ session = false }: { session?: boolean }) => {
    const { api } = await connect(settings)
    const { url, expiresAt } = await api.createClaim({ opensSession: session })
    print(url)
    print(`good once, until ${new Date(expiresAt).toISOString()}`)
  })

admin
  .command('isolation <owner> <mode>')
  .description("how an owner's builds are kept apart: shared, strict, or default as the installation does")
  .addHelpText('after', '\nExample:\n  $ slipway admin isolation alice strict')
  .action(async (owner: string, mode: string) => {
    const { api } = await connect(settings)
    const { setIsolation } = await import('./isolation.ts')
    print(await setIsolation(api, owner, mode))
  })

addOwnerAdministration(admin, { settings, print })
addLimitCommand(admin, { settings, print })
addQueueCommand(admin, { settings, print })
addSecretAdministration(admin, { settings, print })
addForgeAdministration(admin, context)

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
    print(completionFor(shell, program))
  })

/** Exit codes: 1 failed, 2 usage, 3 not signed in, 4 not found. */
const exitCodes: Partial<Record<Failure['code'], number>> = {
  'invalid-request': 2,
  unauthenticated: 3,
  'not-found': 4,
  superseded: 5
}

try {
  await program.parseAsync()
} catch (err) {
  if (!(err instanceof Failure)) throw err
  process.stderr.write(`slipway: ${err.message}\n`)
  process.exitCode = exitCodes[err.code] ?? 1
  // What is still open must not keep a failed command.
  await sleep(0)
  process.exit()
}
