import { Failure } from '@slipway/domain/failure'
import { hasBody, type Incoming } from '../call.ts'
import { bodyTooLarge, tooManyBodies, tooManyCalls } from '../refusals.ts'
import type { Upstream } from '../upstream.ts'

export interface BodiesOptions {
  /** Of one. */
  limitBytes: number
  /** Of all together. */
  heldLimitBytes: number
  /** How many of one function's. */
  inFlightLimit: number
}

/** A body that was read: it counts until it is let go. */
export interface HeldBody extends Disposable {
  bytes: Buffer
}

/** Bodies of calls that nobody waits for, which this process holds until they are recorded. */
export interface Bodies {
  /**
   * Has as long as its function has for a call.
   *
   * @throws Failure `payload-too-large`, `request-timeout`, `invalid-request`; `too-many-requests` also when it gave way to others
   */
  read(incoming: Incoming, upstream: BodyOf): Promise<HeldBody>
}

/** What is held of the smallest body. */
const leastBytes = 4096

type BodyOf = Pick<Upstream, 'functionKey' | 'label' | 'writeTimeoutMs'>

interface Reading {
  bytes: number
  since: number
  refuse(failure: Failure): void
}

/**
 * Where there is no room for more, who sends the slowest gives way: who sends as fast as he can is soon done, and uploads that
 * are made to last take no room from others.
 */
export function createBodies({ limitBytes, heldLimitBytes, inFlightLimit }: BodiesOptions): Bodies {
  const most = Math.max(heldLimitBytes, limitBytes)
  const reading = new Set<Reading>()
  /** How many of each function are held, those that are being recorded included. */
  const counts = new Map<string, number>()
  let held = 0

  function slowest(): Reading | null {
    const now = performance.now()
    let found: Reading | null = null
    let least = Number.POSITIVE_INFINITY
    for (const one of reading) {
      const speed = one.bytes / (now - one.since + 1)
      // Who has sent nothing has no room to give.
      if (one.bytes === 0 || speed >= least) continue
      found = one
      least = speed
    }
    return found
  }

  function letGo(one: Reading): void {
    reading.delete(one)
    held -= one.bytes
    one.bytes = 0
  }

  function take(one: Reading, bytes: number): void {
    one.bytes += bytes
    held += bytes
    while (held > most) {
      const other = slowest()
      if (other === null) return
      letGo(other)
      other.refuse(tooManyBodies())
    }
  }

  function receive({ req }: Incoming, one: Reading, timeoutMs: number): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    let room = Buffer.alloc(0)
    let used = 0
    const late = new Failure('request-timeout', `the request body had not arrived after ${timeoutMs} ms`)
    const timer = setTimeout(() => one.refuse(late), timeoutMs)
    const broken = () => one.refuse(new Failure('invalid-request', 'the request body broke off'))
    const end = () => stop(() => resolve(room.subarray(0, used)))
    // Copied together: kept as they came, a body sent byte by byte would hold a hundred times as much.
    const data = (chunk: Buffer) => {
      const whole = used + chunk.length
      if (whole > limitBytes) return one.refuse(bodyTooLarge(limitBytes))
      if (whole > room.length) {
        const former = room
        room = Buffer.allocUnsafeSlow(Math.min(limitBytes, Math.max(whole, 2 * former.length, leastBytes)))
        former.copy(room, 0, 0, used)
        take(one, room.length - former.length)
      }
      chunk.copy(room, used)
      used = whole
    }
    one.refuse = (failure) => {
      room = Buffer.alloc(0)
      // What else comes is read by who answers.
      stop(() => reject(failure))
    }
    req.on('data', data).once('end', end).on('error', broken).once('close', broken)
    return promise

    function stop(settle: () => void): void {
      clearTimeout(timer)
      req.off('data', data).off('end', end).off('close', broken)
      settle()
    }
  }

  return {
    async read(incoming, { functionKey, label, writeTimeoutMs }) {
      const { req, res, isExpecting } = incoming
      if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw bodyTooLarge(limitBytes)
      const count = counts.get(functionKey) ?? 0
      if (count >= inFlightLimit) throw tooManyCalls(label, inFlightLimit)
      if (isExpecting) res.writeContinue()
      const one: Reading = { bytes: 0, since: performance.now(), refuse: () => undefined }
      counts.set(functionKey, count + 1)
      reading.add(one)
      const letGoOfAll = () => {
        letGo(one)
        const left = (counts.get(functionKey) ?? 1) - 1
        if (left === 0) counts.delete(functionKey)
        else counts.set(functionKey, left)
      }
      try {
        const bytes = hasBody(req) ? await receive(incoming, one, writeTimeoutMs) : Buffer.alloc(0)
        return { bytes, [Symbol.dispose]: letGoOfAll }
      } catch (err) {
        letGoOfAll()
        throw err
      } finally {
        // From here on nothing takes it away.
        reading.delete(one)
      }
    }
  }
}
