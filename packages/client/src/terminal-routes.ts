import Type from 'typebox'
import type { RouteContract } from './route-contract.ts'
import { Scope, TokenView } from './token-routes.ts'

/** 32 bytes as base64url: what a verifier and its SHA-256 look like. */
const Word = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

/** What a command asks for in the page `/terminal`. */
export const TerminalQuestion = {
  challenge: Type.String({ ...Word, description: "SHA-256 of the command's verifier (PKCE, S256), as base64url" }),
  host: Type.String({
    minLength: 1,
    maxLength: 60,
    pattern: '^[A-Za-z0-9._-]+$',
    description: 'the machine that the command says it is called on: in the name of the token'
  }),
  scope: Scope,
  expiresInDays: Type.Integer({ minimum: 1, maximum: 366, default: 90 })
}

/** `slipway login` by browser. */
export const terminalRoutes = {
  letTerminalIn: {
    method: 'POST',
    path: '/api/v1/owners/:owner/terminal-tickets',
    rule: { action: 'set-tokens', on: 'owner' },
    summary: 'Let a command in that asks for it: a ticket that is good once, for two minutes, for who has the verifier',
    body: Type.Object(TerminalQuestion),
    response: Type.Object({ ticket: Type.String(), expiresAt: Type.Integer() })
  },
  redeemTerminalTicket: {
    method: 'POST',
    path: '/api/v1/sign-in/terminal',
    rule: { action: 'sign-in', on: 'public' },
    summary: 'Change the ticket for an API token. It is shown this once; the ticket is used up, whatever comes of it',
    body: Type.Object({ ticket: Word, verifier: Word }),
    response: Type.Object({ token: TokenView, secret: Type.String({ description: 'send it as "Bearer <secret>"' }) })
  }
} as const satisfies Record<string, RouteContract>
