import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'
import { type IsPeer, plainAddress } from './peers.ts'

/** Holds each caller of an owner's functions to so many calls a second. */
export interface CallerLimit {
  /**
   * Counts a call. The first second's worth may come at once.
   *
   * @param now of a clock that nobody sets, in ms
   * @returns 0 when it may pass, else after how many ms the next one may
   */
  take(ownerId: string, address: string, perSecond: number, now: number): number
}

/** How much may come at once: of a second. */
const burstMs = 1000

/**
 * A token bucket for each caller, kept as the one moment at which it is full again. What is full is forgotten: of two generations
 * the older one goes each time, so that what is held is bounded by who called in the last seconds.
 */
export function createCallerLimit(): CallerLimit {
  let current = new Map<string, number>()
  let former = new Map<string, number>()
  let turnsAt = 0

  return {
    take(ownerId, address, perSecond, now) {
      if (now >= turnsAt) {
        former = current
        current = new Map()
        turnsAt = now + 2 * burstMs
      }
      const key = `${ownerId} ${address}`
      const fullAt = Math.max(current.get(key) ?? former.get(key) ?? 0, now)
      const next = fullAt + burstMs / perSecond
      // The last of a second's worth may be rounded.
      const waitMs = next - now - burstMs - 0.001
      if (waitMs > 0) return waitMs
      current.set(key, next)
      return 0
    }
  }
}

/**
 * Who calls: the peer, or what trusted proxies say of whom they had it from. Of an IPv6 address the network, which is what one
 * caller has of them.
 */
export function callerOf({ headers, socket }: IncomingMessage, isTrustedProxy: IsPeer): string {
  let address = plainAddress(socket.remoteAddress ?? '')
  const told = headers['x-forwarded-for']
  if (told !== undefined && isTrustedProxy(address)) {
    const hops = (Array.isArray(told) ? told.join(',') : told).split(',')
    for (let hop = hops.pop(); hop !== undefined && isTrustedProxy(address); hop = hops.pop()) {
      address = plainAddress(hop.trim())
    }
  }
  return isIPv6(address) ? networkOf(address) : address
}

/** The first 64 bits. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length
  const all = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...rest]
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
