import type { RouteInput, StatusApi } from '@slipway/client'
import { BuildStatus, Failure, shortCommit } from '@slipway/domain'
import { type Command, Option } from 'commander'
import { type CommandContext, connected, example, hints, shown, withHints } from './command-context.ts'
import { integer } from './option.ts'

interface Options {
  owner?: string
  repository?: string
  all?: boolean
  branch?: string
  commit?: string
  status?: (typeof BuildStatus.enum)[number]
  limit: number
  json?: boolean
  /** `--no-cache` makes it false. */
  cache: boolean
  detach?: boolean
}

/** `slipway builds | rebuild | cancel | why`. */
export function addBuildCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context

  program
    .command('builds')
    .description('builds, newest first: of the repository of this directory, or of all')
    .option('--owner <slug>', 'of one owner')
    .option('--repository <owner/name>', 'of one repository')
    .option('--all', 'of everything, also in a checkout')
    .option('--branch <name>', 'of one branch')
    .option('--commit <id>', 'of one commit, the whole id')
    .addOption(new Option('--status <status>', 'in one status').choices(BuildStatus.enum))
    .option('--limit <count>', 'so many', integer(1, 200), 20)
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway builds --status failed', 'slipway builds --repository alice/shop --json'))
    .action(async ({ json = false, ...options }: Options) => {
      const api = await connected(context)
      const { listBuilds } = await import('./builds.ts')
      const { builds, text } = await listBuilds(api, await filterOf(api, options, directory), Date.now())
      print(json ? shown(builds) : text)
    })

  program
    .command('rebuild [build]')
    .description(
      "build a build's commit again, by default the newest of the repository of this directory, and follow it"
    )
    .option('--repository <owner/name>', 'the newest build of this one')
    .option('--no-cache', 'build everything anew: no known image, no cached layer')
    .option('--detach', 'do not wait for the end')
    .option('--json', 'for programs: the build as it ends, or begins with --detach')
    .addHelpText('after', example('slipway rebuild --no-cache', 'slipway rebuild --repository alice/shop --detach'))
    .action(async (id: string | undefined, options: Options) => {
      await rebuild(context, id, options)
    })

  program
    .command('cancel <build>')
    .description('stop a build, waiting or running; what is live stays')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway cancel 0199c0de-…'))
    .action(async (id: string, { json = false }: Options) => {
      const api = await connected(context)
      const build = await withHints(api.cancelBuild({ id }), hints.build)
      if (json) return print(shown(build))
      print(
        build.status === 'cancelled' ? `build ${id} is cancelled` : `build ${id}, ${build.status}, is being stopped`
      )
    })

  program
    .command('why <commit>')
    .description('why a commit is live or is not: its deliveries, its builds and what was decided')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway why 1f3c9a2', 'slipway why HEAD         in a checkout'))
    .action(async (commit: string, { json = false }: Options) => {
      const api = await connected(context)
      const { explainCommit, shownExplanation } = await import('./why.ts')
      const explanation = await explainCommit(api, commit, directory)
      print(json ? shown(explanation) : shownExplanation(explanation, Date.now()))
    })
}

type ListOptions = Omit<Options, 'cache' | 'detach' | 'json'>

async function filterOf(api: StatusApi, options: ListOptions, directory: string): Promise<RouteInput<'listBuilds'>> {
  const { owner, repository: named, all = false, ...filter } = options
  if (owner !== undefined)
    return named === undefined ? { ...filter, owner } : { ...filter, owner, ...(await of(named)) }
  return all ? filter : { ...filter, ...(await of(named)) }

  async function of(name: string | undefined): Promise<{ repository?: string }> {
    const { repositoryOf } = await import('./owner.ts')
    const repository = await repositoryOf(api, name, directory)
    return repository === null ? {} : { repository: repository.id }
  }
}

async function rebuild(context: CommandContext, id: string | undefined, options: Options): Promise<void> {
  const { print, directory } = context
  const { cache, detach = false, json = false, repository: named } = options
  const api = await connected(context)
  const { newestBuild } = await import('./builds.ts')
  const { followToEnd } = await import('./follow.ts')
  const of = id ?? (await newest())
  const build = await withHints(api.rebuild({ id: of, noCache: !cache }), hints.build)
  if (detach) {
    const text = `build ${build.id} of ${shortCommit(build.commit)} waits: "slipway logs -f --build ${build.id}" follows it`
    return print(json ? shown(build) : text)
  }
  await followToEnd(api, build, context, {
    json,
    live: async (ended) => [`${ended.repository} ${shortCommit(ended.commit)} is live`]
  })

  async function newest(): Promise<string> {
    const { repositoryOf } = await import('./owner.ts')
    const repository = await repositoryOf(api, named ?? '.', directory)
    if (repository === null) throw new Failure('not-found', 'name a build: "slipway builds" lists them')
    return newestBuild(api, repository)
  }
}
