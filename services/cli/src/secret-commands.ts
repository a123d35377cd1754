import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type CommandContext, example } from './command-context.ts'
import { connect } from './connection.ts'
import { collected } from './option.ts'

type Context = Pick<CommandContext, 'settings' | 'print' | 'directory'>

interface Options {
  owner?: string
  file?: string
  fromFile: string[]
  key?: string
  keepNewline?: boolean
  json?: boolean
  cert?: string
  namespaceWide?: boolean
}

/** `slipway secrets set | list | remove | seal`. */
export function addSecretCommands(program: Command, { settings, print, directory }: Context): void {
  const secrets = program
    .command('secrets')
    .description('values that functions read as files, and that are never shown')
  const withValues = (command: Command) =>
    command
      .option('--owner <slug>', 'whose it is; by default the owner of the repository of this directory')
      .option('--file <path>', 'the value is this file, not standard input')
      .option('--from-file <key=path>', 'a key and its file; may be given again', collected, [])
      .option('--key <key>', 'what the value is called; by default as the secret')
      .option('--keep-newline', 'a last line feed of standard input belongs to the value')

  const valuesOf = async (name: string, { file, fromFile, key, keepNewline = false }: Options) => {
    const { readValues } = await import('./secrets.ts')
    const more = { ...(file === undefined ? {} : { file }), ...(key === undefined ? {} : { key }) }
    return readValues(name, { fromFile, keepNewline, ...more }, process.stdin)
  }
  const connected = async (named: string | undefined) => {
    const { api } = await connect(settings)
    const { ownerOf } = await import('./owner.ts')
    return { api, owner: await ownerOf(api, named, directory) }
  }

  withValues(secrets.command('set <name>'))
    .description('store a secret, from standard input or files; functions that use it are deployed again')
    .addHelpText(
      'after',
      example(
        'printf %s "$PASSWORD" | slipway secrets set db --owner alice --key password',
        'slipway secrets set tls --from-file key=key.pem --from-file cert=cert.pem'
      )
    )
    .action(async (name: string, options: Options) => {
      const { setSecret } = await import('./secrets.ts')
      const { api, owner } = await connected(options.owner)
      print(await setSecret(api, { owner, name }, await valuesOf(name, options)))
    })

  secrets
    .command('list')
    .description('names and keys')
    .option('--owner <slug>', 'whose')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway secrets list --owner alice'))
    .action(async ({ owner: named, json = false }: Options) => {
      const { listSecrets } = await import('./secrets.ts')
      const { api, owner } = await connected(named)
      print(await listSecrets(api, { owner, json }, Date.now()))
    })

  secrets
    .command('remove <name>')
    .description('remove a secret that no function uses')
    .option('--owner <slug>', 'whose')
    .addHelpText('after', example('slipway secrets remove db --owner alice'))
    .action(async (name: string, { owner: named }: Options) => {
      const { api, owner } = await connected(named)
      print((await api.removeSecret({ owner, name })).message)
    })

  withValues(secrets.command('seal <name>'))
    .description('print a secret sealed for secrets.yml, which may be committed')
    .option('--cert <file>', 'the certificate, instead of asking the installation for it')
    .option('--namespace-wide', 'any name of the owner may be given to it later')
    .addHelpText(
      'after',
      example('printf %s "$PASSWORD" | slipway secrets seal db --owner alice --key password >> secrets.yml')
    )
    .action(async (name: string, options: Options) => {
      const { sealSecret } = await import('./secrets.ts')
      const { cert, namespaceWide: isNamespaceWide = false } = options
      const isApart = cert !== undefined && options.owner !== undefined
      const { api, owner } = isApart ? { api: null, owner: options.owner ?? '' } : await connected(options.owner)
      const values = await valuesOf(name, options)
      const certificate = cert === undefined ? ((await api?.sealingCertificate()) ?? '') : await readFile(cert, 'utf8')
      print(sealSecret(certificate, { owner, name, isNamespaceWide }, values, Date.now()))
    })
}

/** `slipway admin rotate …` and `import-sealing-keys`. */
export function addSecretAdministration(admin: Command, { settings, print }: Context): void {
  const rotate = admin.command('rotate').description('replace keys without downtime')
  rotate
    .command('encryption-key')
    .description('encrypt secrets at rest with a new key')
    .addHelpText('after', example('slipway admin rotate encryption-key'))
    .action(async () => print((await (await connect(settings)).api.rotateEncryptionKey({})).message))
  rotate
    .command('sealing-key')
    .description('seal with a new certificate; what was sealed before opens as before')
    .addHelpText('after', example('slipway admin rotate sealing-key'))
    .action(async () => print((await (await connect(settings)).api.rotateSealingKey({})).message))
  admin
    .command('import-sealing-keys <file>')
    .description('private keys of a sealed-secrets controller: PEM, or what kubectl prints of its Secrets')
    .addHelpText('after', example('slipway admin import-sealing-keys keys.pem'))
    .action(async (file: string) => {
      const { api } = await connect(settings)
      const { message, fingerprints } = await api.importSealingKeys({ keys: await readFile(file, 'utf8') })
      print(`${message}: ${fingerprints.join(', ')}`)
    })
}
