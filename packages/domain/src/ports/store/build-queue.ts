import type { Build } from '../../build.ts'

/** Why a build does not go on this very moment. */
export type WaitReason =
  /** Nothing: the next look takes it. */
  | { kind: 'turn' }
  /** It was chosen, and no worker has taken it up yet. */
  | { kind: 'worker' }
  /** As many are built as may be. */
  | { kind: 'slot' }
  /** Its owner has as many under way as it may. */
  | { kind: 'owner-limit'; most: number }
  /** An earlier build of its branch, which runs or comes first. */
  | { kind: 'branch'; buildId: string }
  /** It is tried again then; the build's reason says what went wrong. */
  | { kind: 'retry'; at: number }
  /** The forge was not asked yet whose its repository is. */
  | { kind: 'owner' }
  /** Its owner has no name here: an administrator gives it one. */
  | { kind: 'name' }
  /** Nothing of its repository is built. */
  | { kind: 'stopped'; reason: string }

/** A build that takes a slot, a place of its owner or its branch. */
export interface ActiveBuild {
  build: Build
  /** Which worker took it up; null: none has, or its worker gave it back. */
  holder: string | null
  /** Until when it is the worker's unless that says so again. A time that is over: the worker was not heard of since. */
  leaseUntil: number | null
  /** null: it is worked on. */
  waitsFor: WaitReason | null
}

export interface WaitingBuild {
  build: Build
  /** 1 is next; null: it has none before what it waits for is over. */
  turn: number | null
  waitsFor: WaitReason
}

/** An owner with builds in the queue. */
export interface OwnerTurn {
  ownerId: string
  /** How many of it take a place of it now, and may at once. */
  building: number
  most: number
  waiting: number
}

export interface QueueLook {
  slots: { taken: number; most: number }
  active: ActiveBuild[]
  /** By turn, then by age. The first of them: `waitingCount` counts all. */
  waiting: WaitingBuild[]
  waitingCount: number
  /** Who comes next first. */
  owners: OwnerTurn[]
}

/** What `Builds.admit` goes by, to be looked at. */
export interface BuildQueue {
  /** Changes nothing. @param limits as `Builds.admit` gets them */
  look(limits: { slots: number; perOwner: number }, now: number): Promise<QueueLook>
  /** The same of one build alone; null: it is unknown, or has ended. Worked on: it waits for nothing. */
  lookAt(
    buildId: string,
    limits: { slots: number; perOwner: number },
    now: number
  ): Promise<{ turn: number | null; waitsFor: WaitReason | null } | null>
}

/** The setting in which `deployer` keeps how many builds it lets run at a time: others show it. */
export const slotsSetting = 'build-slots'
