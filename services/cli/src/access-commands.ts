import type { FunctionKeyView, StatusApi } from '@slipway/client'
import { Failure, type FunctionAccess, functionAccesses } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, hints, shown, withHints } from './command-context.ts'
import { ago, onOneLine, table } from './table.ts'

interface AccessOptions {
  owner?: string
  repository?: string
  json?: boolean
}

/** `slipway access`, and `slipway keys list | create | revoke`. */
export function addAccessCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context
  program
    .command('access [function] [who]')
    .description('who may call a function: public, token (who has a key), owner (keys of the owner’s own) or default')
    .option('--owner <slug>', 'the default of an owner’s functions instead: slipway access --owner alice token')
    .option(
      '--repository <owner/name>',
      'the default of a repository’s functions instead; "." is that of this directory'
    )
    .option('--json', 'for programs')
    .addHelpText(
      'after',
      example('slipway access alice/hello', 'slipway access alice/hello token', 'slipway access --repository . token')
    )
    .action(async (first: string | undefined, second: string | undefined, options: AccessOptions) => {
      const api = await connected(context)
      if (options.owner !== undefined || options.repository !== undefined) {
        if (second !== undefined)
          throw new Failure('invalid-request', 'name a function, or --owner or --repository, not both')
        print(await setDefault(api, first, options, directory))
        return
      }
      const { functionOf } = await import('./owner.ts')
      if (first === undefined) throw new Failure('invalid-request', 'name a function: "slipway functions" lists them')
      const of = await functionOf(api, first, directory)
      const view = await withHints(
        second === undefined ? api.getAccess(of) : api.setAccess({ ...of, access: accessOf(second) }),
        hints.function
      )
      const whence = view.source === 'default' ? 'nobody said otherwise' : `set for the ${view.source}`
      print(options.json ? shown(view) : `${of.owner}/${of.name}: ${view.access} (${whence})`)
    })
  addKeyCommands(program, context)
}

function addKeyCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context
  const keys = program.command('keys').description('keys that open functions that are not public, and do nothing else')
  const ownerOf = async (api: StatusApi, named: string | undefined) =>
    (await import('./owner.ts')).ownerOf(api, named, directory)

  keys
    .command('list')
    .description('the keys that there are; they are not shown again')
    .option('--owner <slug>', 'of an owner')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway keys list --owner alice'))
    .action(async ({ owner: named, json = false }: { owner?: string; json?: boolean }) => {
      const api = await connected(context)
      const { items } = await api.listFunctionKeys({ owner: await ownerOf(api, named) })
      print(json ? shown(items) : shownKeys(items))
    })

  keys
    .command('create <name>')
    .description('make a key; it is printed this once, alone on standard output')
    .option('--owner <slug>', 'of an owner')
    .option('--function <name>', 'opens this function only')
    .option('--own', 'opens functions whose access is "owner", too')
    .option('--days <days>', 'until it expires; without, never', Number)
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway keys create "the shop" --function hello --days 90'))
    .action(
      async (
        name: string,
        options: { owner?: string; function?: string; own?: boolean; days?: number; json?: boolean }
      ) => {
        const api = await connected(context)
        const { function: functionName, own: isOwn = false, days } = options
        const made = await withHints(
          api.createFunctionKey({
            owner: await ownerOf(api, options.owner),
            name,
            isOwn,
            ...(functionName === undefined ? {} : { function: functionName }),
            ...(days === undefined ? {} : { expiresInDays: days })
          }),
          hints.function
        )
        if (options.json) return print(shown(made))
        print(made.key)
        // Not to what reads the key.
        process.stderr.write('keep it: it is not shown again\n')
      }
    )

  keys
    .command('revoke <id>')
    .description('refuse a key from now on')
    .option('--owner <slug>', 'of an owner')
    .addHelpText('after', example('slipway keys revoke 0199c0de-… --owner alice'))
    .action(async (id: string, { owner: named }: { owner?: string }) => {
      const api = await connected(context)
      const owner = await ownerOf(api, named)
      print(
        (await withHints(api.revokeFunctionKey({ owner, id }), { 'not-found': '"slipway keys list" lists them' }))
          .message
      )
    })
}

async function setDefault(
  api: StatusApi,
  who: string | undefined,
  { owner: named, repository }: AccessOptions,
  directory: string
): Promise<string> {
  if (who === undefined) throw new Failure('invalid-request', `say who may call: ${choices}`)
  const access = accessOf(who)
  const { ownerOf, repositoryOf } = await import('./owner.ts')
  if (repository === undefined) {
    return (await api.setDefaultAccess({ owner: await ownerOf(api, named, directory), access })).message
  }
  const found = await repositoryOf(api, repository, directory)
  if (found?.owner == null) throw new Failure('not-found', `there is no repository ${repository}`)
  return (await api.setDefaultAccess({ owner: found.owner, repository: found.id, access })).message
}

const choices = [...functionAccesses, 'default'].join(', ')

function accessOf(text: string): FunctionAccess | null {
  if (text === 'default') return null
  const access = functionAccesses.find((one) => one === text)
  if (access === undefined) throw new Failure('invalid-request', `"${text}" is none of ${choices}`)
  return access
}

function shownKeys(items: FunctionKeyView[]): string {
  if (items.length === 0) return 'No keys: "slipway keys create <name>" makes one.'
  const now = Date.now()
  return table(
    ['ID', 'NAME', 'OPENS', 'MADE', 'EXPIRES'],
    items.map((key) => [
      key.id,
      onOneLine(key.name),
      `${key.function ?? 'all functions'}${key.isOwn ? ', also "owner"' : ''}`,
      `${ago(key.createdAt, now)} by ${onOneLine(key.createdBy)}`,
      key.expiresAt === null ? 'never' : new Date(key.expiresAt).toISOString().slice(0, 10)
    ])
  )
}
