import type { BuildDetail, StatusApi } from '@slipway/client'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown } from './command-context.ts'

interface Options {
  owner?: string
  name?: string
  message?: string
  detach?: boolean
  json?: boolean
}

/** `slipway deploy`. */
export function addDeployCommands(program: Command, context: CommandContext): void {
  program
    .command('deploy [folder]')
    .description('send a folder with a stack.yml and bring its functions live, without git, and follow it')
    .option('--owner <slug>', 'whose functions they are; default: of this checkout, or the only owner')
    .option('--name <name>', 'what the same folder is known by the next time; default: its own name')
    .option('--message <text>', 'what this version is about')
    .option('--detach', 'do not wait for the end')
    .option('--json', 'for programs: the build as it ends, or begins with --detach')
    .addHelpText(
      'after',
      example(
        'slipway deploy',
        'slipway deploy ./shop --owner alice',
        'slipway deploy ./shop --name shop-test --detach'
      )
    )
    .action(async (folder: string | undefined, options: Options) => {
      const api = await connected(context)
      const { deployFolder } = await import('./deploy-folder.ts')
      const { followToEnd } = await import('./follow.ts')
      const { detach = false, json = false, ...rest } = options
      const { build, sent } = await deployFolder(api, { ...rest, folder: folder ?? '.', directory: context.directory })
      const { print } = context
      if (!json) print(sent)
      if (detach) {
        return print(json ? shown(build) : `it waits: "slipway logs -f --build ${build.id}" follows it`)
      }
      await followToEnd(api, build, context, { json, live: (ended) => addressesOf(api, ended) })
    })
}

/** What went live, and where it answers. */
async function addressesOf(api: Pick<StatusApi, 'getFunction'>, { owner, functions }: BuildDetail): Promise<string[]> {
  return Promise.all(
    functions.map(async ({ name, status }) => {
      if (owner === null || status !== 'live') return `${name}: ${status}`
      const { url } = await api.getFunction({ owner, name })
      return `${owner}/${name} is live${url === null ? '' : `: ${url}`}`
    })
  )
}
