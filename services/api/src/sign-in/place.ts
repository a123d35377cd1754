import { Failure } from '@slipway/domain'
import type { FastifyRequest } from 'fastify'

/** Where people reach this installation, and what follows for cookies and origins. */
export interface Place {
  /** Without a trailing slash. */
  url(): string
  /** Cookies are only for TLS and this very host. Off on plain HTTP of this machine alone. */
  isSecure(): boolean
  /** @throws Failure `invalid-configuration` where a session would go over a network in the clear */
  assertPrivate(): void
  /** @throws Failure `forbidden` for a call that changes something and does not come from our own pages */
  assertOwnOrigin(request: FastifyRequest): void
  /** Where a browser belongs that came by another name of this machine; null: it is right here. */
  elsewhere(request: FastifyRequest): string | null
}

const loopback = new Set(['127.0.0.1', 'localhost', '[::1]'])
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** @param addressOf asked with each use, for a port is known only once it listens */
export function createPlace(addressOf: () => string): Place {
  const at = () => new URL(addressOf())
  const isLocal = () => at().protocol === 'http:' && loopback.has(at().hostname)

  function origins(): string[] {
    if (!isLocal()) return [at().origin]
    return [...loopback].map((host) => `http://${host}:${at().port || '80'}`.replace(/:80$/, ''))
  }

  return {
    url: () => addressOf().replace(/\/+$/, ''),
    isSecure: () => at().protocol === 'https:',
    assertPrivate() {
      if (at().protocol === 'https:' || isLocal()) return
      throw new Failure('invalid-configuration', 'to sign in, PUBLIC_URL has to be an https address')
    },
    assertOwnOrigin({ method, headers }) {
      if (safeMethods.has(method)) return
      if (headers.origin !== undefined && origins().includes(headers.origin)) return
      throw new Failure(
        'forbidden',
        `a call by session has to come from ${at().origin}: programs send a token instead ("Authorization: Bearer …")`
      )
    },
    elsewhere(request) {
      if (!isLocal() || request.host === at().host) return null
      return `${at().origin}${request.url}`
    }
  }
}

/** A path of ours to go back to; `/` for anything that would lead elsewhere. */
export function returnPath(wanted: unknown): string {
  if (typeof wanted !== 'string' || wanted.length > 2000 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted))
    return '/'
  const here = 'http://here.invalid'
  const url = URL.parse(wanted, here)
  return url === null || url.origin !== here || url.pathname.startsWith('/auth/') ? '/' : `${url.pathname}${url.search}`
}
