import type { HealthView, RouteOutput } from '@slipway/client'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown } from './command-context.ts'
import { ago, onOneLine, table, tableOfReasons } from './table.ts'

type Forge = RouteOutput<'listForges'>['items'][number]

/** `slipway admin health`: how every part is. Fails where one is not well. */
export function addHealthCommand(admin: Command, context: Pick<CommandContext, 'settings' | 'print'>): void {
  admin
    .command('health')
    .description('how every part is, services and their versions, forges and what they still let be called, and room')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin health'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const api = await connected(context)
      const [health, forges] = await Promise.all([api.getHealth({}), forgesOf(api)])
      context.print(json ? shown({ ...health, forges }) : asTables(health, forges, Date.now()))
      if (!isWell(health, forges)) process.exitCode = 1
    })
}

/** With the deployer away nobody knows: that it is away stands among the parts. */
async function forgesOf(api: Awaited<ReturnType<typeof connected>>): Promise<Forge[]> {
  const { Failure } = await import('@slipway/domain/failure')
  try {
    return (await api.listForges({})).items
  } catch (err) {
    if (err instanceof Failure && err.code === 'unavailable') return []
    throw err
  }
}

function isWell({ parts, services, disks }: HealthView, forges: readonly Forge[]): boolean {
  return (
    parts.every(({ isOk }) => isOk) &&
    services.every(({ isSilent }) => !isSilent) &&
    disks.every(({ isShort }) => !isShort) &&
    forges.every(({ problems }) => problems.length === 0)
  )
}

function asTables({ parts, services, disks, uses }: HealthView, forges: readonly Forge[], now: number): string {
  const mark = (isGood: boolean) => (isGood ? 'ok' : '!!')
  return [
    tableOfReasons(
      ['', 'PART', 'WHAT IT SAYS'],
      [
        ...parts.map(({ name, isOk, detail }) => [mark(isOk), name, detail]),
        ...forges.map((one) => [mark(one.problems.length === 0), one.forgeId, wordsOf(one)])
      ]
    ),
    ...forges.flatMap((one) => callsOf(one, now)),
    ...section(
      ['', 'SERVICE', 'VERSION', 'AT', 'SEEN'],
      services.map((one) => [
        mark(!one.isSilent),
        one.isLeader === true ? `${one.kind}, leads` : one.kind,
        one.version,
        onOneLine(one.host),
        `${ago(one.seenAt, now)}${one.isSilent ? ', silent' : ''}`
      ])
    ),
    ...section(
      ['', 'DISK', 'FREE', 'OF', 'A BUILD WANTS'],
      disks.map((one) => [
        mark(!one.isShort),
        onOneLine(`${one.what} at ${one.host}`),
        bytes(one.freeBytes),
        bytes(one.totalBytes),
        bytes(one.wantedBytes)
      ])
    ),
    ...section(
      ['WHAT TAKES ROOM', 'SIZE', 'CUT TO'],
      uses.map((one) => [
        onOneLine(one.host === null ? one.what : `${one.what} at ${one.host}`),
        bytes(one.bytes),
        one.limitBytes === null ? '-' : bytes(one.limitBytes)
      ])
    )
  ].join('\n')
}

const section = (head: string[], rows: string[][]): string[] => (rows.length === 0 ? [] : ['', table(head, rows)])

function wordsOf({ problems, mode }: Forge): string {
  return (
    problems[0]?.message ?? (mode === 'webhooks' ? 'it delivers pushes' : 'it is asked for pushes every few seconds')
  )
}

/** How calls to a forge fare. */
export function callsOf({ forgeId, limits, lastError }: Forge, now: number): string[] {
  return [
    ...limits.map(({ whose, remaining, limit, resetAt }) => {
      const minutes = Math.max(1, Math.round((resetAt - now) / 60_000))
      return `   ${forgeId}: ${remaining} of ${limit} calls left for ${whose}, all again in ${minutes} min`
    }),
    ...(lastError === null
      ? []
      : [`   ${forgeId}: last error of a call ${ago(lastError.at, now)}: ${onOneLine(lastError.message)}`])
  ]
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

function bytes(count: number): string {
  let rest = count
  let unit = 0
  while (rest >= 1023.5 && unit < units.length - 1) {
    rest /= 1024
    unit += 1
  }
  return `${unit === 0 || rest >= 9.95 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`
}
