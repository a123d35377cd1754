import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Place } from './place.ts'

/** One cookie of ours, which no page of another host can set or read: host-only, not for scripts. */
export interface Cookie {
  /** null: there is none, or several, of which nobody knows whose they are. */
  read(request: FastifyRequest): string | null
  set(reply: FastifyReply, value: string, maxAgeMs: number): void
  clear(reply: FastifyReply): void
}

const form = /^[A-Za-z0-9_-]{43}$/

/** `__Host-` makes browsers refuse it from a sibling domain and without TLS; plain HTTP of this machine goes without. */
export function createCookie(name: string, place: Place): Cookie {
  const nameNow = () => (place.isSecure() ? `__Host-${name}` : name)
  const options = () => ({ path: '/', httpOnly: true, sameSite: 'lax' as const, secure: place.isSecure() })
  return {
    read(request) {
      const wanted = nameNow()
      const given = (request.headers.cookie ?? '').split(';').filter((pair) => pair.split('=', 1)[0]?.trim() === wanted)
      const value = request.cookies[wanted]
      return given.length === 1 && value !== undefined && form.test(value) ? value : null
    },
    set(reply, value, maxAgeMs) {
      reply.setCookie(nameNow(), value, { ...options(), maxAge: Math.floor(maxAgeMs / 1000) })
    },
    clear(reply) {
      reply.clearCookie(nameNow(), options())
    }
  }
}
