import type { Subject } from '@slipway/client'
import type { Action, Audit } from '@slipway/domain'
import type { Logger } from '@slipway/service'

export interface Refusal {
  /** As the audit log names who asked; null: nobody who is known. */
  actor: string | null
  address: string
  action: Action
  /** 401, 403, or 404 of what may not even be seen. */
  status: number
  ownerId: string | null
  resource: string
}

export interface Refusals {
  /** Never waits and never fails: a refusal is answered as if nobody counted. */
  note(refusal: Refusal): void
  close(): Promise<void>
}

/** Refusals of the same are one entry within this time. */
const writeEveryMs = 60_000
/** Different ones that are kept until they are written; of the others only the number is. */
const mostKept = 500
const mostOfOne = 20
const mostAddresses = 5
/** So many entries at once, and one more a minute: in a year of attacks well under a gigabyte. */
const burst = 100
const refillMs = 60_000

type Entry = Parameters<Audit['append']>[0]

interface Kept extends Refusal {
  at: number
  until: number
  count: number
  addresses: Set<string>
}

/** What is to be written, of strangers or of actors: each has its own room, so that strangers take none from what actors do. */
interface Room {
  kept: Map<string, Kept>
  ofActor: Map<string, number>
  /** Those that are only counted. */
  others: number
  left: number
  filledAt: number
}

/**
 * Writes down who was refused what, together and seldom: for an actor by action and resource, for strangers by address. However many
 * there are, the audit log grows by a bounded number of entries, and by one that says how many there were besides.
 */
export function createRefusals({
  audit,
  now,
  logger
}: {
  audit: Pick<Audit, 'append'>
  now: () => number
  logger: Logger
}): Refusals {
  const emptyRoom = (): Room => ({ kept: new Map(), ofActor: new Map(), others: 0, left: burst, filledAt: now() })
  const rooms = { actors: emptyRoom(), strangers: emptyRoom() }
  let writing: Promise<void> | null = null

  /** Empties a room into entries of the audit log. */
  function take(room: Room, actor: string): Entry[] {
    const at = now()
    const fills = Math.max(0, Math.floor((at - room.filledAt) / refillMs))
    room.left = Math.min(burst, room.left + fills)
    room.filledAt = fills > 0 || at < room.filledAt ? at : room.filledAt
    const kept = [...room.kept.values()]
    const written = kept.slice(0, room.left)
    const others = kept.slice(room.left).reduce((sum, { count }) => sum + count, room.others)
    room.left -= written.length
    room.kept.clear()
    room.ofActor.clear()
    room.others = 0
    const entries: Entry[] = written.map(entryOf)
    if (others > 0) entries.push({ at, actor, ...refused, ownerId: null, detail: { count: others } })
    return entries
  }

  async function write(): Promise<void> {
    const entries = [...take(rooms.actors, 'several'), ...take(rooms.strangers, 'nobody')]
    try {
      for (const entry of entries) await audit.append(entry)
    } catch (err) {
      logger.warn({ err, count: entries.length }, 'what was refused could not be written down')
    }
  }

  /** One at a time: while the store is slow, what is refused is kept and counted. */
  function writeOnce(): Promise<void> {
    writing ??= write().finally(() => {
      writing = null
    })
    return writing
  }

  const timer = setInterval(() => void writeOnce(), writeEveryMs)
  timer.unref()
  return {
    note(refusal) {
      const { actor, address, action, resource, status } = refusal
      const room = actor === null ? rooms.strangers : rooms.actors
      const key = actor === null ? address : JSON.stringify([actor, action, resource, status])
      const at = now()
      const known = room.kept.get(key)
      if (known !== undefined) {
        known.count += 1
        known.until = at
        if (known.addresses.size < mostAddresses) known.addresses.add(address)
        return
      }
      const who = actor ?? address
      const count = room.ofActor.get(who) ?? 0
      if (room.kept.size >= mostKept || count >= mostOfOne) {
        room.others += 1
        return
      }
      room.ofActor.set(who, count + 1)
      room.kept.set(key, { ...refusal, at, until: at, count: 1, addresses: new Set([address]) })
    },
    async close() {
      clearInterval(timer)
      await writing
      await writeOnce()
    }
  }
}

const refused = { action: 'refused', resource: 'installation' }

function entryOf({ actor, action, status, ownerId, resource, at, until, count, addresses }: Kept): Entry {
  const detail = { action, status, count, until, addresses: [...addresses] }
  return { at, actor: actor ?? 'nobody', ...refused, ownerId, resource, detail }
}

/** What a request is about, as entries of the audit log name it. */
export function resourceName(on: Subject, ownerId: string | null, input: Record<string, unknown>): string {
  const text = (name: string) => {
    const value = input[name]
    return typeof value === 'string' ? value.slice(0, 100) : ''
  }
  const named = (part: string, name: string) => (text(name) === '' ? null : `${part}/${text(name)}`)
  const owner = ownerId === null ? null : `owner/${ownerId}`
  switch (on) {
    case 'build':
    case 'deployment':
    case 'repository':
      return `${on}/${text('id')}`
    case 'function':
      return `function/${text('owner')}-${text('name')}`
    case 'scope': {
      const ofOwner = text('function') === '' ? null : `function/${text('owner')}-${text('function')}`
      return ofOwner ?? named('repository', 'repository') ?? owner ?? 'installation'
    }
    case 'public':
    case 'platform':
    case 'self':
    case 'owner':
    case 'owner-id':
    case 'listing':
      return owner ?? 'installation'
  }
}
