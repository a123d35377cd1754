import { hostname } from 'node:os'
import { Failure } from '@slipway/domain'
import { type Command, Option } from 'commander'
import { askForToken } from './ask-for-token.ts'
import { type CommandContext, connected, example, shown } from './command-context.ts'
import { connect } from './connection.ts'
import { addressOf, readLogins, writeLogins } from './logins.ts'
import { openInBrowser } from './open-in-browser.ts'
import { integer } from './option.ts'
import { ago, table } from './table.ts'

interface Options {
  owner?: string
  token?: string | true
  scope: 'read' | 'deploy' | 'admin'
  days: number
  json?: boolean
}

/** For so long somebody may take to sign in and confirm in the browser. */
const confirmMs = 10 * 60_000

/** `slipway login | logout | whoami | tokens`. @param hasScreen whether there is something that a browser could be shown on */
export function addLoginCommands(program: Command, context: CommandContext, hasScreen: boolean): void {
  const { print, settings } = context

  program
    .command('login <address>')
    .description('sign in to an installation by browser, or keep a token for it, readable by you alone')
    .option('--token [token]', 'an API token instead; better than on the command line: from standard input')
    .option('--owner <slug>', 'whose functions it is about; otherwise it is chosen in the browser')
    .addOption(scopeOption())
    .addOption(daysOption())
    .option('--no-browser', 'print the address of the page, and open no browser')
    .addHelpText(
      'after',
      example(
        'slipway login https://slipway.example.com',
        'slipway login https://slipway.example.com --owner alice --scope read --days 7',
        'slipway login http://127.0.0.1:8082 --token < token'
      )
    )
    .action(async (address: string, { token, ...wanted }: Options & { browser: boolean }) => {
      const url = addressOf(address)
      const { secret, words } =
        token === undefined ? await bySomebody(url, wanted) : { secret: await byToken(url, token), words: '' }
      const { tokens } = await readLogins(settings.LOGINS_FILE)
      await writeLogins(settings.LOGINS_FILE, { current: url, tokens: { ...tokens, [url]: secret } })
      print(`signed in at ${url}${words}`)
    })

  async function bySomebody(url: string, { owner, scope, days, browser }: Options & { browser: boolean }) {
    const { loginByBrowser } = await import('./login-by-browser.ts')
    const { token, secret } = await loginByBrowser({
      url,
      host: hostname(),
      scope,
      days,
      owner,
      waitMs: confirmMs,
      show(page) {
        print(`open this page and confirm (for ${confirmMs / 60_000} minutes): ${page}`)
        if (browser && hasScreen) openInBrowser(page)
      }
    })
    const until = new Date(token.expiresAt).toISOString().slice(0, 10)
    return { secret, words: ` as ${token.createdBy}, for ${token.owner} (${token.scope}), until ${until}` }
  }

  program
    .command('logout [address]')
    .description('forget the token of an installation; it stays valid until it expires or is removed')
    .addHelpText('after', example('slipway logout'))
    .action(async (address: string | undefined) => {
      const { current, tokens } = await readLogins(settings.LOGINS_FILE)
      const url = address === undefined ? current : addressOf(address)
      if (url === null || tokens[url] === undefined) throw new Failure('unauthenticated', 'you are not signed in')
      const { [url]: _gone, ...left } = tokens
      await writeLogins(settings.LOGINS_FILE, { current: current === url ? null : current, tokens: left })
      print(`signed out at ${url}`)
    })

  program
    .command('whoami')
    .description('which installation commands are about, and whose functions its token shows')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway whoami'))
    .action(async ({ json = false }: Options) => {
      const { api, url, by } = await connect(settings)
      const owners = (await api.listOwners({ limit: 200 })).items.flatMap(({ slug }) => slug ?? [])
      if (json) return print(shown({ url, by, owners }))
      print(`${url}, by ${by}`)
      print(owners.length === 0 ? 'It shows no owner.' : `It shows ${owners.join(', ')}.`)
    })

  addTokenCommands(program, context)
}

function addTokenCommands(program: Command, context: CommandContext): void {
  const { print } = context
  const tokens = program.command('tokens').description('API tokens of an owner, for programs and other machines')

  const ownerOption = () => new Option('--owner <slug>', 'whose; default: of this checkout, or the only owner')
  const of = async (named: string | undefined) => {
    const api = await connected(context)
    const { ownerOf } = await import('./owner.ts')
    return { api, owner: await ownerOf(api, named, context.directory) }
  }

  tokens
    .command('list')
    .description('tokens by name, never what makes them one')
    .addOption(ownerOption())
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway tokens list --owner alice'))
    .action(async ({ owner: named, json = false }: Options) => {
      const { api, owner } = await of(named)
      const { items } = await api.listTokens({ owner })
      if (json) return print(shown(items))
      if (items.length === 0) return print(`${owner} has no tokens: "slipway tokens create <name>" makes one.`)
      const rows = items.map((one) => [
        one.id,
        one.name,
        one.scope,
        one.createdBy,
        new Date(one.expiresAt).toISOString().slice(0, 10),
        one.lastUsedAt === null ? 'never' : ago(one.lastUsedAt, Date.now())
      ])
      print(table(['TOKEN', 'NAME', 'FOR', 'BY', 'UNTIL', 'USED'], rows))
    })

  tokens
    .command('create <name>')
    .description('make a token; it is shown this once, and alone on standard output')
    .addOption(ownerOption())
    .addOption(scopeOption())
    .addOption(daysOption())
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway tokens create ci --scope deploy --days 30 --owner alice > token'))
    .action(async (name: string, { owner: named, scope, days, json = false }: Options) => {
      const { api, owner } = await of(named)
      const made = await api.createToken({ owner, name, scope, expiresInDays: days })
      print(json ? shown(made) : made.secret)
    })

  tokens
    .command('remove <token>')
    .description('revoke a token, by its id, and those that were made with it')
    .addOption(ownerOption())
    .addHelpText('after', example('slipway tokens remove 0199c0de-… --owner alice'))
    .action(async (id: string, { owner: named }: Options) => {
      const { api, owner } = await of(named)
      print((await api.revokeToken({ owner, id })).message)
    })
}

const scopeOption = () =>
  new Option('--scope <scope>', 'what the token is for').choices(['read', 'deploy', 'admin']).default('deploy')
const daysOption = () => new Option('--days <days>', 'how long it is valid').argParser(integer(1, 366)).default(90)

/** A token that is good. */
async function byToken(url: string, token: string | true): Promise<string> {
  const secret = typeof token === 'string' ? token : await askForToken()
  const { createStatusApi } = await import('@slipway/client')
  await createStatusApi({ url, token: secret }).listOwners({ limit: 1 })
  return secret
}
