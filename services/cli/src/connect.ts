import type { RouteInput, RouteOutput, StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { shown } from './command-context.ts'
import { callsOf } from './health-command.ts'
import { table } from './table.ts'

type ForgeView = RouteOutput<'listForges'>['items'][number]
type Api = Pick<StatusApi, 'connectGitHub' | 'getForgeConnection' | 'listForges'>

export interface ConnectSurroundings {
  print(line: string): void
  open(address: string): void
  pause(ms: number): Promise<unknown>
  now(): number
}

const askEveryMs = 1000
/** A forge delivers within seconds. What is wrong by then does not right itself. */
const deliveryMs = 60_000

/**
 * Follows the way from the address to the first delivery, step by step, and names what is wrong on it.
 *
 * @returns whether the forge is connected and nothing is wrong
 */
export async function connectGitHub(
  api: Api,
  wanted: RouteInput<'connectGitHub'>,
  { print, open, pause, now }: ConnectSurroundings
): Promise<boolean> {
  const { id, address, expiresAt, mode, reason } = await api.connectGitHub(wanted)
  if (mode === 'polling') print(`!! polling: ${reason}`)
  print(`open this address (good once, for an hour): ${address}`)
  open(address)

  print('   waiting for the App to be made …')
  let connection = await api.getForgeConnection({ id })
  while (connection.status === 'started' || connection.status === 'converting') {
    if (now() > expiresAt) throw new Failure('timed-out', 'nobody made the App within an hour: start again')
    await pause(askEveryMs)
    connection = await api.getForgeConnection({ id })
  }
  if (connection.status === 'failed') throw new Failure('conflict', connection.reason ?? 'it failed')
  const { forgeId } = connection

  let forge = await find(api, forgeId)
  print(`ok the App "${forge.app?.slug ?? forgeId}" is made, and what opens it is stored`)
  print(`   waiting for it to be installed: ${forge.app?.installUrl ?? forge.url} …`)
  while (forge.installations.length === 0) {
    if (now() > expiresAt) throw new Failure('timed-out', 'nobody installed the App: do so, it is noticed by itself')
    await pause(askEveryMs)
    forge = await find(api, forgeId)
  }
  print(`ok installed on ${forge.installations.map(({ login }) => login).join(', ')}`)
  if (forge.mode === 'polling') return finish(forge, print)

  print('   waiting for the first delivery …')
  forge = await untilDelivered(api, forgeId, { print, pause, now })
  return finish(forge, print)
}

/** The forge once something of it has arrived, or does not in a minute. */
export async function untilDelivered(
  api: Pick<StatusApi, 'listForges'>,
  forgeId: string,
  { print, pause, now }: Omit<ConnectSurroundings, 'open'>
): Promise<ForgeView> {
  const until = now() + deliveryMs
  let forge = await find(api, forgeId)
  while (forge.mode === 'webhooks' && forge.lastDelivery === null && now() < until) {
    await pause(askEveryMs)
    forge = await find(api, forgeId)
  }
  const { lastDelivery } = forge
  if (lastDelivery !== null) print(`ok the first delivery came: ${lastDelivery.eventName}, ${lastDelivery.outcome}`)
  else if (forge.mode === 'webhooks') print('!! no delivery came within a minute')
  return forge
}

async function find(api: Pick<StatusApi, 'listForges'>, forgeId: string): Promise<ForgeView> {
  const forge = (await api.listForges({ fresh: true })).items.find((one) => one.forgeId === forgeId)
  if (forge === undefined) throw new Failure('not-found', `${forgeId} is not connected any more`)
  return forge
}

export function finish(forge: ForgeView, print: (line: string) => void): boolean {
  for (const line of problemLines(forge)) print(line)
  const isDone = forge.problems.length === 0 && (forge.mode === 'polling' || forge.lastDelivery !== null)
  if (isDone) print(`ok ${forge.forgeId} is connected: push, and see it with "slipway status"`)
  else if (forge.problems.length > 0) print('   once that is mended: "slipway admin forges" looks again')
  return isDone
}

function problemLines({ problems }: ForgeView): string[] {
  return problems.map(problemLine)
}

export function problemLine({ what, message, fix }: ForgeView['problems'][number]): string {
  return `!! ${what}: ${message}: ${fix}`
}

/** How it stands with the forges. */
export async function showForges(api: Api, { json }: { json: boolean }): Promise<{ text: string; isHealthy: boolean }> {
  const { items } = await api.listForges({ fresh: true })
  const isHealthy = items.every(({ problems }) => problems.length === 0)
  if (json) return { text: shown(items), isHealthy }
  if (items.length === 0)
    return { text: 'no forge is connected: "slipway connect github", "slipway connect gitlab"', isHealthy }
  const rows = items.map((one) => [
    one.forgeId,
    one.mode,
    one.app?.slug ?? '',
    one.installations.map(({ login }) => login).join(', '),
    one.lastDelivery === null ? 'none' : new Date(one.lastDelivery.receivedAt).toISOString()
  ])
  const more = items.flatMap((one) => [
    ...(one.reason === null ? [] : [`   ${one.reason}`]),
    ...problemLines(one),
    ...callsOf(one, Date.now())
  ])
  const text = [table(['FORGE', 'MODE', 'APP', 'INSTALLED ON', 'LAST DELIVERY'], rows), ...more].join('\n')
  return { text, isHealthy }
}
