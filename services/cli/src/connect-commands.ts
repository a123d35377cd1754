import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { type Command, Option } from 'commander'
import { askForToken } from './ask-for-token.ts'
import { type CommandContext, connected, example } from './command-context.ts'
import { openInBrowser } from './open-in-browser.ts'

interface ConnectOptions {
  organization?: string
  url?: string
  replace?: boolean
  public?: boolean
  open: boolean
  browser: boolean
}

/** `slipway connect github | gitlab`. @param hasScreen whether there is something that a browser could be shown on */
export function addConnectCommands(program: Command, context: CommandContext, hasScreen: boolean): void {
  const connect = commandOf(program, 'connect', 'make a forge tell this installation of pushes')
  addConnectGitLab(connect, context)
  connect
    .command('github')
    .description('make a GitHub App with the right permissions, and install it')
    .option('--organization <login>', 'the App belongs to this organisation instead of you')
    .option('--url <address>', 'of a GitHub Enterprise Server')
    .option('--public', 'others than its owner may install it, too')
    .option('--replace', 'put it in the place of the App that is connected')
    .option('--no-browser', 'print the address, and open no browser')
    .addOption(new Option('--no-open', 'what --no-browser was called before').hideHelp())
    .addHelpText('after', example('slipway connect github', 'slipway connect github --organization acme'))
    .action(async ({ organization, url, replace = false, public: isPublic = false, open, browser }: ConnectOptions) => {
      const { connectGitHub } = await import('./connect.ts')
      const wanted = {
        ...(organization === undefined ? {} : { organization }),
        ...(url === undefined ? {} : { url }),
        replace,
        isPublic
      }
      const isDone = await connectGitHub(await connected(context), wanted, {
        print: context.print,
        open: open && browser && hasScreen ? openInBrowser : () => undefined,
        pause: (ms) => sleep(ms),
        now: Date.now
      })
      if (!isDone) process.exitCode = 1
    })
}

interface ProjectOptions {
  token?: string | true
  url?: string
  replace?: boolean
}

function addConnectGitLab(connect: Command, context: CommandContext): void {
  connect
    .command('gitlab [project]')
    .description('make the webhook of a GitLab project (default: of this checkout), and keep a token for it')
    .option('--url <address>', 'of a GitLab of your own; default: GITLAB_URL of the installation')
    .option(
      '--token [token]',
      'another token than the one that is kept; better than here: GITLAB_TOKEN, or standard input'
    )
    .option('--replace', 'put the token in the place of the one that is kept')
    .addHelpText(
      'after',
      example('slipway connect gitlab acme/shop', 'slipway connect gitlab acme/shop --token < token')
    )
    .action(async (named: string | undefined, { token, url, replace = false }: ProjectOptions) => {
      const { remotePath } = await import('./owner.ts')
      const { connectGitLab } = await import('./connect-gitlab.ts')
      const project = named ?? (await remotePath(context.directory))
      if (project === null)
        throw new Failure('invalid-request', 'name the project: slipway connect gitlab group/project')
      const given = typeof token === 'string' ? token : context.env.GITLAB_TOKEN
      const asked = given ?? (token === true ? await askForToken() : undefined)
      const wanted = {
        project: project.replace(/^\/+|\/+$/g, ''),
        replace,
        ...(url === undefined ? {} : { url }),
        ...(asked === undefined ? {} : { token: asked })
      }
      const surroundings = { print: context.print, pause: (ms: number) => sleep(ms), now: Date.now, askForToken }
      if (!(await connectGitLab(await connected(context), wanted, surroundings))) process.exitCode = 1
    })
}

/** `slipway admin forges`, `rotate webhook-secret` and `rotate app-key`. */
export function addForgeAdministration(admin: Command, context: CommandContext): void {
  admin
    .command('forges')
    .description('the forges, and what is wrong between them and this installation')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin forges'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const { showForges } = await import('./connect.ts')
      const { text, isHealthy } = await showForges(await connected(context), { json })
      context.print(text)
      if (!isHealthy) process.exitCode = 1
    })
  const rotate = commandOf(admin, 'rotate', 'replace keys without downtime')
  rotate
    .command('webhook-secret [forge]')
    .description('give the webhooks of a forge another secret; the former one is accepted for another day')
    .addHelpText('after', example('slipway admin rotate webhook-secret', 'slipway admin rotate webhook-secret gitlab'))
    .action(async (forge = 'github') => {
      const { problemLine } = await import('./connect.ts')
      const api = await connected(context)
      const { message, problems } = await api.rotateWebhookSecret({ forge: String(forge) })
      for (const problem of problems) context.print(problemLine(problem))
      context.print(message)
      if (problems.length > 0) process.exitCode = 1
    })
  rotate
    .command('app-key <file>')
    .description("use another private key of the App, which was made on the App's page")
    .option('--forge <id>', 'of which forge', 'github')
    .addHelpText('after', example('slipway admin rotate app-key app.pem'))
    .action(async (file: string, { forge }: { forge: string }) => {
      const key = await readFile(file, 'utf8')
      context.print((await (await connected(context)).replaceAppKey({ forge, key })).message)
    })
}

/** The group of that name, which several files add to. */
function commandOf(parent: Command, name: string, description: string): Command {
  return parent.commands.find((one) => one.name() === name) ?? parent.command(name).description(description)
}
