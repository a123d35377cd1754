import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, hints, shown, withHints } from './command-context.ts'
import type { Scope } from './variables.ts'

interface Options {
  owner?: string
  repository?: string
  function?: string
  build?: boolean
  json?: boolean
}

/** `slipway env list | set | unset`. */
export function addVariableCommands(program: Command, context: CommandContext): void {
  const { print } = context
  const env = program
    .command('env')
    .description('variables outside git: of an owner, a repository or a function, for the run or the build')

  scoped(env.command('list'))
    .description('the values that are set, or with --function all that it gets, and where each comes from')
    .addHelpText('after', example('slipway env list', 'slipway env list --function alice/hello'))
    .action(async (options: Options) => list(context, options))

  scoped(env.command('set <NAME=value...>'))
    .description('set variables; functions that have another environment then are deployed again, without a build')
    .option('--build', 'for builds: what ${NAME} in stack.yml stands for')
    .addHelpText('after', example('slipway env set LOG_LEVEL=debug --function alice/hello', 'slipway env set A=1 B=2'))
    .action(async (pairs: string[], options: Options) => {
      const { readAssignments } = await import('./variables.ts')
      const set = readAssignments(pairs)
      await change(`${Object.keys(set).join(', ')} set`, { set }, options)
    })

  scoped(env.command('unset <NAME...>'))
    .description('remove variables: what they stood over counts again')
    .option('--build', 'those for builds')
    .addHelpText('after', example('slipway env unset LOG_LEVEL --function alice/hello'))
    .action(async (remove: string[], options: Options) => {
      await change(`${remove.join(', ')} not set any more`, { remove }, options)
    })

  async function change(
    what: string,
    change: { set?: Record<string, string>; remove?: string[] },
    { build: isForBuild = false, json = false, ...options }: Options
  ): Promise<void> {
    const api = await connected(context)
    const { changeVariables, shownChange } = await import('./variables.ts')
    const scope = await scopeOf(api, options, context.directory)
    const use = isForBuild ? 'build' : 'runtime'
    const changed = await withHints(changeVariables(api, scope, use, change), hints.function)
    print(json ? shown(changed) : shownChange(what, scope, use, changed.builds))
  }
}

function scoped(command: Command): Command {
  return command
    .option('--owner <slug>', 'of an owner; by default the owner of the repository of this directory')
    .option('--repository <owner/name>', 'of a repository; "." is that of this directory')
    .option('--function <function>', 'of a function: owner/function, or its name alone')
    .option('--json', 'for programs')
}

async function scopeOf(api: StatusApi, options: Options, directory: string): Promise<Scope> {
  const { owner, repository: named, function: functionNamed } = options
  const { functionOf, ownerOf, repositoryOf } = await import('./owner.ts')
  if (named !== undefined && functionNamed !== undefined) {
    throw new Failure('invalid-request', 'name a repository or a function, not both')
  }
  if (functionNamed !== undefined) {
    const path = owner === undefined || functionNamed.includes('/') ? functionNamed : `${owner}/${functionNamed}`
    const of = await functionOf(api, path, directory)
    if (owner !== undefined && owner !== of.owner) {
      throw new Failure('invalid-request', `${functionNamed} is not a function of ${owner}: leave --owner out`)
    }
    return { owner: of.owner, functionName: of.name }
  }
  if (named === undefined) return { owner: await ownerOf(api, owner, directory) }
  const repository = await repositoryOf(api, named, directory)
  if (repository === null) throw new Failure('not-found', `there is no repository ${named}`)
  return { owner: owner ?? repository.owner ?? (await ownerOf(api, undefined, directory)), repository }
}

async function list(context: CommandContext, { json = false, ...options }: Options): Promise<void> {
  const { print, directory } = context
  const api = await connected(context)
  const scope = await scopeOf(api, options, directory)
  const { owner, functionName } = scope
  if (functionName !== undefined) {
    const { shownEnvironment } = await import('./functions.ts')
    const environment = await withHints(api.getEnvironment({ owner, name: functionName }), hints.function)
    return print(json ? shown(environment) : shownEnvironment(environment))
  }
  const { listVariables, shownVariables } = await import('./variables.ts')
  const { variables, names } = await listVariables(api, scope)
  print(json ? shown(variables) : shownVariables(owner, variables, names, Date.now()))
}
