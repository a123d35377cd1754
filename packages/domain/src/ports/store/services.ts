export type ServiceKind = 'receiver' | 'builder' | 'deployer' | 'api' | 'gateway'

/** A place that is written to, and what a build wants to find free there. */
export interface DiskRoom {
  what: string
  path: string
  freeBytes: number
  totalBytes: number
  wantedBytes: number
}

/** What takes room. `limitBytes`: what it is cut to; null: nothing cuts it by its size. */
export interface RoomUse {
  what: string
  bytes: number
  limitBytes: number | null
}

/** What a service tells of itself beside that it is there. */
export interface ServiceFacts {
  /** Of a builder: how many builds it takes at a time. */
  slots?: number
  /** Of a deployer: it does what must not be done twice. */
  isLeader?: boolean
  disks?: DiskRoom[]
  uses?: RoomUse[]
}

/** One process, or one of the services that `slipway up` runs in one. */
export interface RunningService {
  /** What holds leases, where it holds some. */
  id: string
  kind: ServiceKind
  host: string
  version: string
  startedAt: number
  /** When it last said that it is there. */
  seenAt: number
  facts: ServiceFacts
}

/** Which services are there: each says so again and again. */
export interface Services {
  /** Whoever said nothing for a day is forgotten. */
  tell(service: RunningService): Promise<void>
  /** It stops in order: nobody misses it. */
  leave(id: string): Promise<void>
  /** By kind, then by when they were started. One that was killed stays for a day, with the time of its last word. */
  list(): Promise<RunningService[]>
  /** What takes room and is known here: the database, and the images of functions in the registry, each layer once. */
  room(): Promise<RoomUse[]>
}

/** A service says every ten seconds that it is there. */
const silentMs = 35_000

/** It did not say so lately, and did not stop in order. */
export function isSilent({ seenAt }: Pick<RunningService, 'seenAt'>, now: number): boolean {
  return now - seenAt > silentMs
}
