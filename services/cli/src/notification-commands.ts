import type { NotificationView, StatusApi } from '@slipway/client'
import { Failure, type NotificationTopic, notificationTopics } from '@slipway/domain'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown, withHints } from './command-context.ts'
import { ago, onOneLine, table } from './table.ts'

interface Options {
  owner?: string
  admin?: boolean
  json?: boolean
}

const notFound = { 'not-found': '"slipway notifications list" lists them' } as const

/** `slipway notifications list | add | remove | test`. */
export function addNotificationCommands(program: Command, context: CommandContext): void {
  const { print, directory } = context
  const group = program
    .command('notifications')
    .description('addresses that are told of builds that fail or go live, of rollbacks and pauses')

  /** The calls of an owner, or of the administrators. */
  async function callsOf(api: StatusApi, { owner: named, admin = false }: Options) {
    if (admin) {
      return {
        list: () => api.listAdminNotifications({}),
        add: (wanted: Parameters<StatusApi['addAdminNotification']>[0]) => api.addAdminNotification(wanted),
        remove: (id: string) => api.removeAdminNotification({ id }),
        test: (id: string) => api.testAdminNotification({ id })
      }
    }
    const { ownerOf } = await import('./owner.ts')
    const owner = await ownerOf(api, named, directory)
    return {
      list: () => api.listNotifications({ owner }),
      add: (wanted: Parameters<StatusApi['addAdminNotification']>[0]) => api.addNotification({ owner, ...wanted }),
      remove: (id: string) => api.removeNotification({ owner, id }),
      test: (id: string) => api.testNotification({ owner, id })
    }
  }

  scoped(group.command('list'))
    .description('the addresses, and whether the last messages arrived')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway notifications list --owner alice'))
    .action(async (options: Options) => {
      const { items } = await (await callsOf(await connected(context), options)).list()
      print(options.json ? shown(items) : shownNotifications(items))
    })

  scoped(group.command('add <url>'))
    .description('tell an address; the secret that requests are signed with is printed this once')
    .option('--slack', 'in the format of Slack’s incoming webhooks, unsigned')
    .option('--on <topics>', `separated by commas: ${notificationTopics.join(', ')} (audit with --admin only)`)
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway notifications add https://example.com/hook --on failed,rolled-back'))
    .action(async (url: string, options: Options & { slack?: boolean; on?: string }) => {
      const topics = options.on === undefined ? defaultTopics : options.on.split(',').map(topicOf)
      const calls = await callsOf(await connected(context), options)
      const made = await calls.add({ kind: options.slack === true ? 'slack' : 'webhook', url, topics })
      const { notification, secret } = made
      const signed = secret === null ? '' : `\nrequests are signed with ${secret}\nkeep it: it is not shown again`
      const next = `try it: slipway notifications test ${notification.id}`
      print(options.json ? shown(made) : `${notification.host} is told of ${topics.join(', ')}${signed}\n${next}`)
    })

  scoped(group.command('remove <id>'))
    .description('tell an address no more')
    .addHelpText('after', example('slipway notifications remove 0199c0de-… --owner alice'))
    .action(async (id: string, options: Options) => {
      const calls = await callsOf(await connected(context), options)
      print((await withHints(calls.remove(id), notFound)).message)
    })

  scoped(group.command('test <id>'))
    .description('send a message now, and say whether it arrived')
    .addHelpText('after', example('slipway notifications test 0199c0de-… --owner alice'))
    .action(async (id: string, options: Options) => {
      const calls = await callsOf(await connected(context), options)
      const { isDelivered, reason } = await withHints(calls.test(id), notFound)
      print(isDelivered ? 'it arrived' : `it did not arrive: ${onOneLine(reason ?? 'no reason was told')}`)
      if (!isDelivered) process.exitCode = 1
    })
}

const defaultTopics: NotificationTopic[] = ['failed', 'live', 'rolled-back', 'paused']

function scoped(command: Command): Command {
  return command
    .option('--owner <slug>', 'of an owner; by default the owner of the repository of this directory')
    .option('--admin', 'of the administrators: everything that happens')
}

function topicOf(text: string): NotificationTopic {
  const topic = notificationTopics.find((one) => one === text.trim())
  if (topic === undefined) throw new Failure('invalid-request', `"${text}" is none of ${notificationTopics.join(', ')}`)
  return topic
}

function shownNotifications(items: NotificationView[]): string {
  if (items.length === 0) return 'Nobody is told: "slipway notifications add <url>" adds an address.'
  const now = Date.now()
  return table(
    ['ID', 'KIND', 'HOST', 'TOLD OF', 'LAST'],
    items.map(({ id, kind, host, topics, last: [last] }) => [
      id,
      kind,
      onOneLine(host),
      topics.join(','),
      last === undefined
        ? 'nothing yet'
        : `${last.type} ${ago(last.createdAt, now)}: ${last.status}${last.reason === null ? '' : ` (${onOneLine(last.reason)})`}`
    ])
  )
}
