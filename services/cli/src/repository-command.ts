import type { RepositoryView, RouteInput } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { type Command, Option } from 'commander'
import { type CommandContext, connected, example, shown } from './command-context.ts'
import { onOneLine, table } from './table.ts'

type Switch = 'on' | 'off'

interface Options {
  automatic?: Switch
  branch?: string
  stack?: string
  together?: Switch
  policy?: 'wait' | 'override'
  public?: Switch
  json?: boolean
}

/** `slipway repository`. */
export function addRepositoryCommand(program: Command, context: CommandContext): void {
  const { print, directory } = context
  const onOff = (flags: string, description: string) => new Option(flags, description).choices(['on', 'off'])
  program
    .command('repository [owner/name]')
    .description('how a repository is built and deployed, by default that of this directory; options change it')
    .addOption(onOff('--automatic <on|off>', 'deploy pushes by themselves, or record them until somebody rebuilds one'))
    .option('--branch <name>', 'the production branch; "default" is that of the forge')
    .option('--stack <path>', 'where the stack file is; "default" is stack.yml')
    .addOption(onOff('--together <on|off>', 'all functions go live, or none'))
    .addOption(
      new Option('--policy <policy>', 'when the branch moves on while a build runs: let it end, or stop it').choices([
        'wait',
        'override'
      ])
    )
    .addOption(onOff('--public <on|off>', 'everybody may see its builds, logs and functions'))
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway repository --automatic off', 'slipway repository alice/shop --branch live'))
    .action(async (named: string | undefined, { json = false, ...options }: Options) => {
      const api = await connected(context)
      const { repositoryOf } = await import('./owner.ts')
      const found = await repositoryOf(api, named ?? '.', directory)
      if (found === null) throw new Failure('not-found', 'name a repository: "slipway status" shows them')
      const change = changeOf(options)
      const isChange = Object.keys(change).length > 0
      const one = isChange ? await api.updateRepository({ id: found.id, ...change }) : found
      print(json ? shown(one) : settingsOf(one))
      if (!json && isChange && !found.isAutomatic && one.isAutomatic) {
        print('\nThe newest push that was left out, if there is one, is deployed now: "slipway status" shows it.')
      }
    })
}

function changeOf({ automatic, branch, stack, together, policy, public: isPublic }: Options) {
  const orDefault = (text: string) => (text === 'default' ? null : text)
  const change: Omit<RouteInput<'updateRepository'>, 'id'> = {
    ...(automatic === undefined ? {} : { isAutomatic: automatic === 'on' }),
    ...(branch === undefined ? {} : { branch: orDefault(branch) }),
    ...(stack === undefined ? {} : { stackPath: orDefault(stack) }),
    ...(together === undefined ? {} : { isAtomic: together === 'on' }),
    ...(policy === undefined ? {} : { policy }),
    ...(isPublic === undefined ? {} : { hasPublicPages: isPublic === 'on' })
  }
  return change
}

function settingsOf(one: RepositoryView): string {
  return table(
    [onOneLine(one.fullName), ''],
    [
      ['automatic deploys', one.isAutomatic ? 'on' : 'off: pushes wait until somebody rebuilds one'],
      ['production branch', onOneLine(one.branch ?? `${one.defaultBranch} (the default)`)],
      ['stack file', onOneLine(one.stackPath ?? 'stack.yml (the default)')],
      ['functions', one.isAtomic ? 'go live together, or none' : 'go live each for itself'],
      [
        'when the branch moves on',
        one.policy === 'wait' ? 'a running build ends first (wait)' : 'a running build is stopped (override)'
      ],
      ['pages', one.hasPublicPages ? 'public, while it is not private' : 'for those who may see the repository'],
      ['who may call', one.access ?? 'as its owner says']
    ]
  )
}
