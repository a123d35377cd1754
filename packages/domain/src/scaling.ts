import { parseDuration } from './duration.ts'

/*
 * How many replicas a function has by itself. Without schemas, for the gateway's process is to be small.
 */

/** What a replica is to carry: calls a second, or calls at a time. */
export type LoadKind = 'rps' | 'capacity'

export interface ScalePolicy {
  /** With `target` of it a replica has enough; null: load changes nothing. */
  load: { kind: LoadKind; target: number } | null
  /** Without a call for so long it goes to no replica, and back with the next call; null: never. */
  zeroAfterMs: number | null
  /** Replicas go when they were not needed for so long. */
  downAfterMs: number
  /** Percent of the most replicas that an alert adds; 0: alerts change nothing. */
  alertFactor: number
}

const prefix = 'com.openfaas.scale.'

/** Names without the prefix; `min` and `max` are read by who knows the owner's limits. */
export const scaleLabels = {
  type: `${prefix}type`,
  target: `${prefix}target`,
  proportion: `${prefix}target-proportion`,
  max: `${prefix}max`,
  factor: `${prefix}factor`,
  zero: `${prefix}zero`,
  zeroDuration: `${prefix}zero-duration`,
  downWindow: `${prefix}down.window`
} as const

/** As OpenFaaS has them. */
export const scaleDefaults = {
  kind: 'rps',
  target: 50,
  proportion: 0.9,
  factor: 10,
  zeroAfterMs: 15 * 60_000,
  downAfterMs: 60_000
} as const

type Labels = Readonly<Record<string, string>>

/**
 * What a function's labels say, under OpenFaaS' names; what cannot be read counts as not said. Load counts for who says anything of it:
 * a function with none of these labels stays at the number that it has. One that names the step of alerts (`factor`) and nothing of load
 * is scaled by alerts alone: load would take back what they add.
 */
export function scalePolicyOf(labels: Labels): ScalePolicy {
  const said = (name: keyof typeof scaleLabels) => labels[scaleLabels[name]] ?? ''
  const kind = said('type') === '' ? scaleDefaults.kind : said('type')
  const saysTarget = (['type', 'target', 'proportion'] as const).some((name) => said(name) !== '')
  const saysLoad = saysTarget || (said('max') !== '' && said('factor') === '')
  const target = (parseTarget(said('target')) ?? scaleDefaults.target) * proportionOf(said('proportion'))
  return {
    load: saysLoad && isLoadKind(kind) ? { kind, target } : null,
    zeroAfterMs: startsOnCall(labels) ? (parseDuration(said('zeroDuration')) ?? scaleDefaults.zeroAfterMs) : null,
    downAfterMs: parseDuration(said('downWindow')) ?? scaleDefaults.downAfterMs,
    alertFactor: parsePercent(said('factor')) ?? scaleDefaults.factor
  }
}

/** A call brings it back when it has no replica. */
export function startsOnCall(labels: Labels): boolean {
  return labels[scaleLabels.zero] === 'true'
}

export function isLoadKind(text: string): text is LoadKind {
  return text === 'rps' || text === 'capacity'
}

/** More than 0; null when it is no such number. */
export function parseTarget(text: string): number | null {
  return /^\d{1,7}(?:\.\d{1,3})?$/.test(text) && Number(text) > 0 ? Number(text) : null
}

/** More than 0, at most 1; null when it is no such number. */
export function parseProportion(text: string): number | null {
  const value = parseTarget(text)
  return value !== null && value <= 1 ? value : null
}

/** 0 to 100, whole; null when it is no such number. */
export function parsePercent(text: string): number | null {
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? Number(text) : null
}

function proportionOf(text: string): number {
  return parseProportion(text) ?? scaleDefaults.proportion
}

/** How many replicas carry so much, within the function's bounds. */
export function replicasFor(amount: number, target: number, { min, max }: Bounds): number {
  return Math.min(max, Math.max(min, 1, Math.ceil(amount / target)))
}

interface Bounds {
  min: number
  max: number
}

/** How many replicas there are after an alert: a step more while it fires, the fewest once it is over. As OpenFaaS counts. */
export function replicasOnAlert(isFiring: boolean, replicas: number, factor: number, { min, max }: Bounds): number {
  const fewest = Math.max(min, 1)
  if (factor === 0) return replicas
  // One that sleeps is not started by good news.
  if (!isFiring) return replicas === 0 ? 0 : fewest
  return Math.min(max, Math.max(fewest, replicas + Math.ceil((max * factor) / 100)))
}

/** How many replicas a function begins with when nobody chooses any more: what load asks for from there on, or the fewest. */
export function replicasByItself(labels: Labels, replicas: number, { min, max }: Bounds): number {
  const fewest = Math.max(min, 1)
  if (replicas === 0) return startsOnCall(labels) ? 0 : fewest
  return scalePolicyOf(labels).load === null ? fewest : Math.min(max, Math.max(fewest, replicas))
}
