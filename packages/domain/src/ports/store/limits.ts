import type { LimitedUse, OwnerLimits, OwnLimits } from '../../limits.ts'

/** What owners may have. The store itself refuses what goes beyond, in the transaction that would bring it about. */
export interface Limits {
  /** Of owners for whom nothing else is set. */
  defaults(): Promise<OwnerLimits>
  /** `deployer` keeps here what its settings say: the other services, and the store, go by it. */
  setDefaults(limits: OwnerLimits): Promise<void>
  /** What holds for an owner, and what of it was set for it. @throws Failure `not-found` */
  of(ownerId: string): Promise<{ limits: OwnerLimits; own: OwnLimits }>
  /**
   * Replaces what is set for an owner. What it has already stays: only what would grow is refused from then on.
   * @throws Failure `not-found`
   */
  set(ownerId: string, own: OwnLimits): Promise<void>
  /** What an owner has now. */
  used(ownerId: string): Promise<LimitedUse>
}
