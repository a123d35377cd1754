import type { AccessSource, FunctionAccess, FunctionKey, KnownKey } from '../../access.ts'

/** Whose functions, or which one. */
export type AccessTarget =
  | { kind: 'owner'; ownerId: string }
  | { kind: 'repository'; repositoryId: string }
  | { kind: 'function'; ownerId: string; name: string }

/** Who may call functions. Gateways hear of every change with the routes. */
export interface Access {
  /** What counts for a function, and where it is set. @throws Failure `not-found` */
  of(ownerId: string, name: string): Promise<{ access: FunctionAccess; source: AccessSource }>
  /** null: what is further away counts. Returns what was set there before. @throws Failure `not-found` */
  set(target: AccessTarget, access: FunctionAccess | null): Promise<FunctionAccess | null>
}

export interface FunctionKeys {
  /** Also forgets those of the owner that have expired. @throws Failure `limit-exceeded` for too many of one owner */
  create(key: Omit<FunctionKey, 'id' | 'createdAt'> & { hash: string }, now: number): Promise<FunctionKey>
  /** Newest first; their number is limited. */
  list(ownerId: string): Promise<FunctionKey[]>
  /** It opens nothing any more. @throws Failure `not-found` */
  revoke(ownerId: string, id: string): Promise<FunctionKey>
  /** What gateways know. */
  known(): Promise<KnownKey[]>
}
