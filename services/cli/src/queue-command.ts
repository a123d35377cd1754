import type { QueueView } from '@slipway/client'
import type { Command } from 'commander'
import { type CommandContext, connected, example, shown } from './command-context.ts'
import { ago, onOneLine, table } from './table.ts'

type Build = QueueView['waiting'][number]['build']

/** `slipway admin queue`: what is queued, whose turn it is, and what runs where. */
export function addQueueCommand(admin: Command, context: Pick<CommandContext, 'settings' | 'print'>): void {
  admin
    .command('queue')
    .description('what is queued and whose turn it is, what each waits for, and what runs where')
    .option('--json', 'for programs')
    .addHelpText('after', example('slipway admin queue'))
    .action(async ({ json = false }: { json?: boolean }) => {
      const queue = await (await connected(context)).getQueue({})
      context.print(json ? shown(queue) : asTables(queue, Date.now()))
    })
}

const whatOf = ({ id, repository, ref, commit }: Build): string[] => [
  id,
  onOneLine(repository),
  onOneLine(ref.replace('refs/heads/', '')),
  commit.slice(0, 7)
]

function asTables({ slots, owners, active, workers, waiting, waitingCount, draining }: QueueView, now: number): string {
  const running = active.map(({ build, worker, waitsFor }) => [
    build.status,
    ...whatOf(build),
    ago(build.startedAt ?? build.createdAt, now),
    waitsFor === null ? (worker ?? '') : onOneLine(waitsFor.why)
  ])
  const next = waiting.map(({ build, turn, waitsFor }) => [
    turn === null ? '-' : String(turn),
    ...whatOf(build),
    ago(build.createdAt, now),
    onOneLine(waitsFor.why)
  ])
  const turns = owners
    .filter((one) => one.waiting > 0)
    .map(({ owner, building, most, waiting: count }) => `${owner ?? '?'} (${count} waiting, ${building} of ${most})`)
  const seen = workers.map(({ id, host, holds, slots: most, seenAt, isSilent }) => [
    id,
    host,
    most === null ? String(holds) : `${holds} of ${most}`,
    `${ago(seenAt, now)}${isSilent ? ', silent' : ''}`
  ])
  const more = waitingCount - waiting.length
  return [
    `${slots.taken} of ${slots.most} slots are taken, ${waitingCount} wait${waitingCount === 1 ? 's' : ''}`,
    ...(turns.length === 0 ? [] : [`next: ${turns.join(', ')}`]),
    ...(running.length === 0
      ? []
      : ['', table(['STATUS', 'BUILD', 'REPOSITORY', 'BRANCH', 'COMMIT', 'SINCE', 'WORKER'], running)]),
    ...(next.length === 0
      ? []
      : ['', table(['TURN', 'BUILD', 'REPOSITORY', 'BRANCH', 'COMMIT', 'SINCE', 'WHY IT WAITS'], next)]),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(workers.length === 0 ? ['', 'no worker was seen lately'] : ['', table(['WORKER', 'AT', 'HAS', 'SEEN'], seen)]),
    ...(draining.length === 0
      ? []
      : [
          '',
          `former versions that still have calls: ${draining.map((one) => `${one.owner}/${one.function}`).join(', ')}`
        ])
  ].join('\n')
}
