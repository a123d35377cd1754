import type { BuildView } from '@slipway/client'

export type Tone = 'good' | 'bad' | 'busy' | 'waiting' | 'quiet' | 'warning'
type Status = BuildView['status']

const statuses: Record<Status, { word: string; tone: Tone; isOver: boolean }> = {
  queued: { word: 'Queued', tone: 'waiting', isOver: false },
  building: { word: 'Building', tone: 'busy', isOver: false },
  deploying: { word: 'Deploying', tone: 'busy', isOver: false },
  live: { word: 'Live', tone: 'good', isOver: true },
  failed: { word: 'Failed', tone: 'bad', isOver: true },
  error: { word: 'Error', tone: 'warning', isOver: true },
  superseded: { word: 'Superseded', tone: 'quiet', isOver: true },
  cancelled: { word: 'Cancelled', tone: 'quiet', isOver: true },
  skipped: { word: 'Skipped', tone: 'quiet', isOver: true }
}

export const buildWord = (status: Status): string => statuses[status].word
export const buildTone = (status: Status): Tone => statuses[status].tone
export const isOver = (status: Status): boolean => statuses[status].isOver

/** What began it, after the name of who did. */
const triggers: Record<BuildView['trigger'], string> = {
  push: 'pushed',
  head: 'found at the head',
  connect: 'connected the repository',
  rebuild: 'asked to build again',
  resume: 'resumed',
  rollback: 'rolled back',
  redeploy: 'asked to deploy again',
  configuration: 'changed the configuration',
  api: 'sent it'
}

export const triggerWord = (trigger: BuildView['trigger']): string => triggers[trigger]

/** The first line of a reason, which says what the others (the end of a log) are about. */
export const gistOf = (reason: string): string => reason.split('\n', 1)[0] ?? ''

/** What a build is called in a list: what its commit says, else what it is about. */
export function titleOf({ message, trigger, ref, repository }: BuildView): string {
  if (message !== null) return message
  if (trigger === 'api') return `The folder ${repository.split('/').at(-1)}`
  return `${branchOf(ref)}: ${triggerWord(trigger)}`
}

export const shortCommit = (commit: string): string => commit.slice(0, 7)
export const branchOf = (ref: string): string => ref.replace(/^refs\/(heads|tags)\//, '')
