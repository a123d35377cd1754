import type { Action } from '@slipway/domain'

/**
 * What a route is about, and where its input says so:
 *
 * - `public`, `platform`: the input does not matter
 * - `self`: the account that asks
 * - `owner`: `owner`, a slug; `owner-id`: `id`
 * - `listing`: `owner` and `repository`, both optional; the list holds what the actor may see
 * - `repository`, `build`, `deployment`: `id`
 * - `function`: `owner` and `name`
 * - `scope`: `owner`, and one of its repositories (`repository`) or functions (`function`) where named
 */
export type Subject =
  | 'public'
  | 'platform'
  | 'self'
  | 'owner'
  | 'owner-id'
  | 'listing'
  | 'repository'
  | 'build'
  | 'deployment'
  | 'function'
  | 'scope'

/** What a route does, and with what. `api` asks `authorize` with it before anything else happens. */
export interface Rule {
  action: Action
  on: Subject
}
