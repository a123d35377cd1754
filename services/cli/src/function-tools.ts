import { spawn } from 'node:child_process'
import { Failure } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, hints, withHints } from './command-context.ts'
import { connect } from './connection.ts'
import { collected } from './option.ts'

interface Options {
  method?: string
  header: string[]
  path: string
  data?: string
  include?: boolean
  lang: string
  print?: boolean
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
    .addHelpText(
      'after',
      example(
        'slipway invoke alice/hello',
        'echo \'{"a":1}\' | slipway invoke alice/hello -H "Content-Type: application/json"'
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
    .description('the address of a function, or of the dashboard, in the browser; printed where there is none')
    .option('--print', 'only print it')
    .addHelpText('after', example('slipway open alice/hello', 'slipway open --print'))
    .action(async (named: string | undefined, { print: isPrinted = false }: Options) => {
      const url = named === undefined ? (await connect(context.settings)).url : await addressOf(context, named)
      print(url)
      const hasScreen = context.env.DISPLAY !== undefined || context.env.WAYLAND_DISPLAY !== undefined
      if (isPrinted || !hasScreen || !/^https?:\/\//.test(url)) return
      const browser = spawn('xdg-open', [url], { stdio: 'ignore', detached: true })
      browser.on('error', () => {}) // there is none: the address was printed
      browser.unref()
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

async function addressOf(context: CommandContext, named: string): Promise<string> {
  const api = await connected(context)
  const { functionOf } = await import('./owner.ts')
  const { owner, name } = await functionOf(api, named, context.directory)
  const { url } = await withHints(api.getFunction({ owner, name }), hints.function)
  if (url !== null) return url
  throw new Failure('not-found', `${owner}/${name} has no address: nothing of it is live; "slipway status" says why`)
}
