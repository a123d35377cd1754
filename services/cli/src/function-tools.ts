import { Failure } from '@slipway/domain'
import { type Command, Option } from 'commander'
import { type CommandContext, connected, example, hints, withHints } from './command-context.ts'
import { connect } from './connection.ts'
import { openInBrowser } from './open-in-browser.ts'
import { collected } from './option.ts'

interface Options {
  method?: string
  header: string[]
  path: string
  data?: string
  include?: boolean
  lang: string
  print?: boolean
  build?: string
  repository?: string
}

/** `slipway invoke | open | init`. */
export function addFunctionTools(program: Command, context: CommandContext): void {
  const { print, directory } = context

  program
    .command('invoke <function>')
    .description('call a function and print its answer; what comes on standard input, or --data, is the body')
    .option('-X, --method <method>', 'default: GET, or POST with a body')
    .option('-H, --header <header>', '"Name: value"; may be given again', collected, [])
    .option('-d, --data <text>', 'the body; default: standard input unless it is a terminal')
    .option('-p, --path <path>', 'path and query behind the function', '')
    .option('-i, --include', 'status and headers, too')
    .option('--async', 'leave the call with the gateway, and print its id instead of waiting for the answer')
    .option('--callback <url>', 'with --async: where the answer is sent')
    .addHelpText(
      'after',
      example(
        'slipway invoke alice/hello',
        'echo \'{"a":1}\' | slipway invoke alice/hello -H "Content-Type: application/json"',
        'slipway invoke alice/report --async --callback https://example.com/done'
      )
    )
    .action(async (named: string, options: Options) => {
      const url = await addressOf(context, named)
      const { invoke } = await import('./invoke.ts')
      const isOk = await invoke(url, options, { input: process.stdin, output: process.stdout })
      if (!isOk) process.exitCode = 1
    })

  program
    .command('open [function]')
    .description('a function, or the page of a build, a repository or everything, in the browser; or its address')
    .addOption(new Option('--build <id>', 'the page of a build').conflicts('repository'))
    .option('--repository <owner/name>', 'the page of a repository; "." is that of this directory')
    .option('--print', 'only print the address')
    .addHelpText(
      'after',
      example('slipway open alice/hello', 'slipway open --repository .', 'slipway open --build 0199c0de-… --print')
    )
    .action(async (named: string | undefined, options: Options) => {
      const isPage = options.build !== undefined || options.repository !== undefined
      if (named !== undefined && isPage) throw new Failure('invalid-request', 'name one thing to open')
      const url = named === undefined ? await pageOf(context, options) : await addressOf(context, named)
      print(url)
      const hasScreen = context.env.DISPLAY !== undefined || context.env.WAYLAND_DISPLAY !== undefined
      if (options.print !== true && hasScreen) openInBrowser(url)
    })

  program
    .command('init <name>')
    .description('a new function in this folder, with a test of its own, and its entry in stack.yml')
    .option('--lang <template>', 'node, python or static', 'node')
    .addHelpText('after', example('slipway init hello', 'slipway init site --lang static'))
    .action(async (name: string, { lang }: Options) => {
      const { initFunction } = await import('./init-function.ts')
      for (const line of await initFunction(directory, name, lang)) print(line)
    })
}

/** Of the page: what was named, once it is known to be there. */
async function pageOf(
  { settings, directory }: CommandContext,
  { build, repository: named }: Pick<Options, 'build' | 'repository'>
): Promise<string> {
  const { api, url } = await connect(settings)
  if (build !== undefined) {
    const { id } = await withHints(api.getBuild({ id: build }), hints.build)
    return `${url}/builds/${encodeURIComponent(id)}`
  }
  if (named === undefined) return url
  const { repositoryOf } = await import('./owner.ts')
  const repository = await repositoryOf(api, named, directory)
  if (repository === null || repository.owner === null) {
    throw new Failure('not-found', `there is no page of the repository ${named} yet: push to it first`)
  }
  return `${url}/owners/${encodeURIComponent(repository.owner)}/repositories/${encodeURIComponent(repository.id)}`
}

async function addressOf(context: CommandContext, named: string): Promise<string> {
  const api = await connected(context)
  const { functionOf } = await import('./owner.ts')
  const { owner, name } = await functionOf(api, named, context.directory)
  const { url } = await withHints(api.getFunction({ owner, name }), hints.function)
  if (url !== null) return url
  throw new Failure('not-found', `${owner}/${name} has no address: nothing of it is live; "slipway status" says why`)
}
