/*
 * Who may call a function through the gateway. Without schemas, for the gateway's process is to be small.
 */

/**
 * `public`: everybody. `token`: who has a key that the owner gave out. `owner`: who has a key of the owner's own.
 * Functions of one owner reach each other inside their network, whatever this says.
 */
export type FunctionAccess = 'public' | 'token' | 'owner'

export const functionAccesses = ['public', 'token', 'owner'] as const satisfies readonly FunctionAccess[]

/** Where a function's access is set: the nearest counts. */
export type AccessSource = 'function' | 'repository' | 'owner' | 'default'

/** What opens functions of an owner that are not public: it does nothing else. The key itself is shown once and known here by its hash. */
export interface FunctionKey {
  id: string
  ownerId: string
  /** What its maker calls it. */
  name: string
  /** Of the owner's own programs: it opens what has access `owner`, too. */
  isOwn: boolean
  /** The only function that it opens; null: all of the owner's. */
  functionName: string | null
  createdBy: string
  createdAt: number
  /** null: never. */
  expiresAt: number | null
}

/** What a gateway needs to know of a key. */
export interface KnownKey extends Pick<FunctionKey, 'ownerId' | 'isOwn' | 'functionName' | 'expiresAt'> {
  /** SHA-256 of the key, in hex. */
  hash: string
}

/** What a key looks like: so that nothing else is taken for one, and scanners for leaked secrets know it. */
export function isFunctionKey(text: string): boolean {
  return /^slf_[\w-]{43}$/.test(text)
}

/** Does this key open this function, now? */
export function opens(
  key: KnownKey,
  { ownerId, functionName, access }: { ownerId: string; functionName: string; access: FunctionAccess },
  now: number
): boolean {
  if (key.ownerId !== ownerId || (key.expiresAt !== null && key.expiresAt <= now)) return false
  if (key.functionName !== null && key.functionName !== functionName) return false
  return access !== 'owner' || key.isOwn
}
