import { resolve } from 'node:path'
import { Failure } from '@slipway/domain/failure'
import type { Logger } from '@slipway/service/logger'
import { addSettingsFile } from '@slipway/service/settings-file'
import { type Command, Option } from 'commander'
import { type CommandContext, example } from './command-context.ts'
import { localConnection } from './connection.ts'
import { collected } from './option.ts'
import { continueSmall } from './small-process.ts'
import { table } from './table.ts'

async function openLog(level: string | undefined): Promise<Logger> {
  const { createLogger } = await import('@slipway/service/logger')
  const logger = createLogger('slipway', 'warn')
  setLevel(logger, level)
  return logger
}

/** One that is none, which a logger would throw for, is told with the other settings. */
function setLevel(logger: Logger, level = ''): void {
  if (level === 'silent' || Object.hasOwn(logger.levels.values, level)) logger.level = level
}

/** Aborts at Ctrl-C: what was begun is cleared away. */
function interrupted(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Failure('cancelled', 'interrupted')))
  return stop.signal
}

/** Of what runs here. None is no failure: the doctor is asked before anything runs. */
async function forgesOf(home: string): Promise<string[]> {
  try {
    const local = await localConnection(home)
    if (local === null) return []
    const { items } = await local.api.listForges({})
    return items.map(({ forgeId, url }) => `${forgeId} at ${url}, as what runs here was started`)
  } catch (err) {
    if (err instanceof Failure) return []
    throw err
  }
}

/** `slipway up | doctor | backup | restore`: what is about this machine, and runs on it. */
export function addInstallationCommands(program: Command, { settings, print, env }: CommandContext): void {
  program
    .command('up')
    .description('run everything on this machine: two processes, Redis and a registry beside them')
    .addOption(new Option('--load-only', 'load everything and end').hideHelp())
    .addHelpText('after', example('slipway up', 'LOG_LEVEL=info slipway up'))
    .action(async ({ loadOnly = false }: { loadOnly?: boolean }) => {
      continueSmall(resolve(settings.SLIPWAY_HOME), env, ['up', '--load-only'])
      // What only `up` needs is loaded only here: the other commands start at once.
      const { up } = await import('./up.ts')
      const { unknownSettings } = await import('./configuration/check.ts')
      if (loadOnly) return void (await import('@slipway/gateway/main'))
      const { run } = await import('@slipway/service/run')
      const logger = await openLog(env.LOG_LEVEL)
      await run((stop) => {
        addSettingsFile(env)
        for (const problem of unknownSettings(env)) print(`!! ${problem}`)
        setLevel(logger, env.LOG_LEVEL)
        return up(env, logger, print, stop)
      }, logger)
    })

  program
    .command('doctor')
    .description('what is missing on this machine, and how to get it')
    .option('--no-probe', 'run no small builds to find out what holds of builds here')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway doctor', 'slipway doctor --no-probe'))
    .action(async ({ probe, json = false }: { probe: boolean; json?: boolean }) => {
      const { doctor } = await import('./doctor.ts')
      addSettingsFile(env)
      const findings = await doctor(env, await openLog(env.LOG_LEVEL), {
        probe,
        running: () => forgesOf(settings.SLIPWAY_HOME)
      })
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
    .command('backup [file]')
    .description('write all of this installation into one encrypted file, while it runs')
    .option(
      '--recipient <age1…>',
      'a key of age-keygen instead of BACKUP_PASSPHRASE; may be given again',
      collected,
      []
    )
    .addHelpText(
      'after',
      example('BACKUP_PASSPHRASE=… slipway backup', 'slipway backup --recipient age1… /mnt/slipway.age')
    )
    .action(async (file: string | undefined, { recipient }: { recipient: string[] }) => {
      const { backup } = await import('./backup/backup.ts')
      addSettingsFile(env)
      const name = file ?? `slipway-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.backup.age`
      const keys = { passphrase: env.BACKUP_PASSPHRASE, recipients: recipient }
      const report = await backup({ env, file: resolve(name), keys, now: Date.now }, interrupted())
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
    .addHelpText('after', example('BACKUP_PASSPHRASE=… slipway restore slipway.backup.age'))
    .action(async (file: string, { identity, force = false }: { identity?: string; force?: boolean }) => {
      const { restore } = await import('./backup/restore.ts')
      addSettingsFile(env)
      const keys = { passphrase: env.BACKUP_PASSPHRASE, identityFile: identity }
      const options = { env, file: resolve(file), keys, force, now: Date.now }
      const { createdAt, rows, images, aside } = await restore(options, interrupted())
      print(`restored what was backed up at ${new Date(createdAt).toISOString()}: ${rows} rows, ${images} images`)
      if (aside !== null) print(`what was there before is in ${aside}`)
      print('start it with "slipway up"')
    })
}
