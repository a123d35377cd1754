import { createRandom, type Random } from './random.ts'

/** What a push does to its repository. */
export type Change =
  /** Other words in the handler: a build. */
  | { kind: 'words' }
  /** Another environment in `stack.yml`: no build. */
  | { kind: 'configuration' }
  /** A second function comes, or goes when it is there. */
  | { kind: 'function' }
  /** A force push back to an earlier commit. `far`: at least 0, below 1, from the newest to the oldest. */
  | { kind: 'back'; far: number }

/** How the webhook of a push comes to the receiver: each time is so long after the forge sent it. */
export interface Arrival {
  afterMs: number[]
}

export interface PlannedPush {
  atMs: number
  /** Index of the repository. */
  repository: number
  change: Change
  arrival: Arrival
}

export interface PlannedKill {
  atMs: number
  victim: string
  /** It is started again so much later. */
  downMs: number
}

export interface PlanOptions {
  seed: string | number
  pushes: number
  kills: number
  durationMs: number
  repositories: number
  victims: readonly string[]
}

export interface Plan extends PlanOptions {
  pushList: PlannedPush[]
  killList: PlannedKill[]
}

/** Everything that is left to chance, drawn before anything happens: a seed gives the same plan on a fast machine and on a slow one. */
export function createPlan(options: PlanOptions): Plan {
  const random = createRandom(options.seed)
  return {
    ...options,
    pushList: planPushes(options, random.stream('pushes')),
    killList: planKills(options, random.stream('kills'))
  }
}

/** Each repository is pushed to at least once. Every third push comes hard upon another of the same repository. */
function planPushes({ pushes, durationMs, repositories }: PlanOptions, random: Random): PlannedPush[] {
  const list: PlannedPush[] = []
  while (list.length < pushes) {
    const isFirst = list.length < repositories
    const repository = isFirst ? list.length : random.integer(0, repositories - 1)
    let atMs = Math.floor((isFirst ? random.next() / 3 : random.next()) * durationMs)
    const burst = isFirst || random.chance(0.8) ? 1 : random.integer(2, 4)
    for (let i = 0; i < burst && list.length < pushes; i += 1) {
      list.push({ atMs, repository, change: planChange(random), arrival: planArrival(random) })
      atMs += random.integer(0, 400)
    }
  }
  return list.toSorted((a, b) => a.atMs - b.atMs)
}

function planChange(random: Random): Change {
  const drawn = random.next()
  if (drawn < 0.55) return { kind: 'words' }
  if (drawn < 0.75) return { kind: 'configuration' }
  if (drawn < 0.88) return { kind: 'function' }
  return { kind: 'back', far: random.next() }
}

/** Most deliveries come once and at once; some come late, some twice or more, so that they also overtake each other. */
function planArrival(random: Random): Arrival {
  const copies = random.chance(0.25) ? random.integer(2, 5) : 1
  return { afterMs: Array.from({ length: copies }, () => (random.chance(0.4) ? random.integer(50, 3000) : 0)) }
}

/** Every victim in turn, in an order of chance, so that none is spared; at moments of chance. */
function planKills({ kills, durationMs, victims }: PlanOptions, random: Random): PlannedKill[] {
  const order: string[] = []
  while (order.length < kills) {
    const left = [...victims]
    while (left.length > 0) order.push(...left.splice(random.integer(0, left.length - 1), 1))
  }
  // The first pushes are under way by then, and the last are not over yet.
  const moments = Array.from({ length: kills }, () => Math.floor((0.05 + 0.9 * random.next()) * durationMs))
  return moments
    .toSorted((a, b) => a - b)
    .map((atMs, i) => ({ atMs, victim: order[i] as string, downMs: random.integer(0, 3000) }))
}
