import type { TrafficBatch, TrafficCount } from '../../traffic.ts'

/** Calls and errors of one function in one step. */
export interface TrafficSum {
  functionName: string
  at: number
  calls: number
  errors: number
}

/** Whole steps: `from` is a multiple of `stepMs`. `minutes` are known for two days, `hours` for thirty. */
export interface TrafficRange {
  from: number
  until: number
  stepMs: number
  source: 'minutes' | 'hours'
}

export interface Usage {
  calls: number
  errors: number
  /** Builds that began. */
  builds: number
  /** How long they took together, until they ended or `until`. */
  buildMs: number
}

/** What gateways counted. */
export interface Traffic {
  /** Adds what was not added before: a batch that comes again counts once. Parts of unknown owners are dropped. */
  record(batches: TrafficBatch[]): Promise<void>
  /** Of one function, the steps in which something was counted, in order. */
  ofFunction(ownerId: string, functionName: string, range: TrafficRange): Promise<(TrafficCount & { at: number })[]>
  /** Of all of an owner's functions, the steps in which something was counted, in order of name and time. */
  ofOwner(ownerId: string, range: TrafficRange): Promise<TrafficSum[]>
  /** What an owner had of the installation. */
  usage(ownerId: string, from: number, until: number): Promise<Usage>
}
