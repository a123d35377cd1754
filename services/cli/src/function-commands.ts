import type { BuildView, StatusApi } from '@slipway/client'
import { shortCommit } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, hints, shown, withHints } from './command-context.ts'
import { integer } from './option.ts'

interface Options {
  owner?: string
  repository?: string
  all?: boolean
  to?: string
  detach?: boolean
  json?: boolean
}

type Work = (api: StatusApi, of: { owner: string; name: string }, options: Options) => Promise<void>

/** `slipway functions | inspect | rollback | redeploy | pause | resume | scale`. */
export function addFunctionCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context

  /** A command about one function. */
  const about = (command: Command, ...examples: string[]) => ({
    does(work: Work) {
      command
        .option('--json', 'for programs')
        .addHelpText('after', example(...examples))
        .action(async (named: string, options: Options) => {
          const api = await connected(context)
          const { functionOf } = await import('./owner.ts')
          await withHints(work(api, await functionOf(api, named, directory), options), hints.function)
        })
    }
  })

  /** Follows what was asked for to its end, or says how to. */
  async function brought(
    api: StatusApi,
    build: BuildView,
    { detach = false, json = false }: Options,
    text: { waits: string; live: string }
  ): Promise<void> {
    if (detach) return print(json ? shown(build) : text.waits)
    const { followToEnd } = await import('./follow.ts')
    await followToEnd(api, build, context, { json, live: async () => [text.live] })
  }

  addList(program, context)

  about(
    program.command('inspect <function>').description('what is live of a function, its variables and its deployments'),
    'slipway inspect alice/hello',
    'slipway inspect hello --json'
  ).does(async (api, of, { json = false }) => {
    const { inspect, shownInspection } = await import('./functions.ts')
    const inspection = await inspect(api, of)
    print(json ? shown(inspection) : shownInspection(inspection, Date.now()))
  })

  about(
    program
      .command('rollback <function>')
      .description('make an earlier deployment live again; pushes do not deploy the function until it is resumed')
      .option('--to <deployment>', 'its id, or a commit with which it was live; by default the one before')
      .option('--detach', 'do not wait for the end'),
    'slipway rollback alice/hello',
    'slipway rollback hello --to 1f3c9a2'
  ).does(async (api, of, { to, ...options }) => {
    const { deploymentOf } = await import('./functions.ts')
    const deploymentId = to === undefined ? undefined : await deploymentOf(api, of, to)
    const build = await withHints(api.rollback({ ...of, ...(deploymentId === undefined ? {} : { deploymentId }) }), {
      conflict: `"slipway inspect ${of.owner}/${of.name}" lists its deployments`,
      'image-missing': '"slipway rebuild <build>" does, "slipway builds" lists them'
    })
    const name = `${of.owner}/${of.name}`
    const version = versionOf(build.commit, to)
    const toResume = `"slipway resume ${name}" lets pushes deploy it again`
    await brought(api, build, options, {
      waits: `${name} goes back to ${version}: ${follow(build)}\n${toResume}`,
      live: `${name} is back at ${version} and answers; ${toResume}`
    })
  })

  about(
    program
      .command('redeploy <function>')
      .description('deploy what is live anew with the variables and secrets of now, without a build')
      .option('--detach', 'do not wait for the end'),
    'slipway redeploy alice/hello'
  ).does(async (api, of, options) => {
    const build = await api.redeployFunction(of)
    const name = `${of.owner}/${of.name}`
    await brought(api, build, options, {
      waits: `${name} is deployed again: ${follow(build)}`,
      live: `${name} is deployed again and answers`
    })
  })

  about(
    program.command('pause <function>').description('pushes do not deploy the function any more; what is live stays'),
    'slipway pause alice/hello'
  ).does(async (api, of, { json = false }) => {
    const record = await api.pauseFunction(of)
    const path = `${of.owner}/${of.name}`
    print(json ? shown(record) : `${path} is paused: pushes do not deploy it until "slipway resume ${path}"`)
  })

  about(
    program.command('resume <function>').description('pushes deploy the function again, at once what it missed'),
    'slipway resume alice/hello'
  ).does(async (api, of, { json = false }) => {
    const resumed = await api.resumeFunction(of)
    const missed = resumed.build === null ? 'it missed nothing' : `what it missed comes: ${follow(resumed.build)}`
    print(json ? shown(resumed) : `pushes deploy ${of.owner}/${of.name} again; ${missed}`)
  })

  addScale(program, context)
}

const follow = ({ id }: BuildView) => `"slipway logs -f --build ${id}" follows it`

function addList(program: Command, context: CommandContext): void {
  program
    .command('functions')
    .description('functions and what is live: of the repository of this directory, or all')
    .option('--owner <slug>', 'of one owner')
    .option('--repository <owner/name>', 'of one repository')
    .option('--all', 'of everything, also in a checkout')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway functions', 'slipway functions --owner alice --json'))
    .action(async ({ owner, repository: named, all = false, json = false }: Options) => {
      const api = await connected(context)
      const { repositoryOf } = await import('./owner.ts')
      const isOfAll = named === undefined && (all || owner !== undefined)
      const repository = isOfAll ? null : await repositoryOf(api, named, context.directory)
      const filter = {
        ...(owner === undefined ? {} : { owner }),
        ...(repository === null ? {} : { repository: repository.id })
      }
      const { items } = await api.listFunctions({ ...filter, limit: 200 })
      const { shownFunctions } = await import('./functions.ts')
      context.print(json ? shown(items) : shownFunctions(items, Date.now()))
    })
}

function addScale(program: Command, context: CommandContext): void {
  program
    .command('scale <function>')
    .description('set how many replicas run until it is deployed again, or let load and idleness say it')
    .argument('<replicas>', 'from 0 to 100, or auto', replicasOf)
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway scale alice/hello 3', 'slipway scale hello auto'))
    .action(async (named: string, replicas: number | null, { json = false }: Options) => {
      const api = await connected(context)
      const { functionOf } = await import('./owner.ts')
      const of = await functionOf(api, named, context.directory)
      const record = await withHints(api.scaleFunction({ ...of, replicas }), {
        ...hints.function,
        conflict: '"slipway status" shows what is live'
      })
      context.print(json ? shown(record) : scaledText(`${of.owner}/${of.name}`, replicas, record.live?.replicas ?? 0))
    })
}

const replicasOf = (value: string) => (value === 'auto' ? null : integer(0, 100)(value))

function scaledText(path: string, wanted: number | null, now: number): string {
  const count = now === 1 ? '1 replica' : `${now} replicas`
  if (wanted === null) return `${path} runs with ${count}, and scales by itself`
  return wanted === 0
    ? `${path} has no replica: "slipway scale ${path} auto" brings it back`
    : `${path} runs with ${count}`
}

/** A version that stayed unchanged is told by the commit that it had last, and by the one that was asked for. */
function versionOf(commit: string, asked: string | undefined): string {
  const isOther = asked !== undefined && /^[0-9a-f]{4,64}$/i.test(asked) && !commit.startsWith(asked.toLowerCase())
  return isOther ? `${shortCommit(asked)} (unchanged up to ${shortCommit(commit)})` : shortCommit(commit)
}
