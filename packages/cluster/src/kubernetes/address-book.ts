import type { V1EndpointSlice } from '@kubernetes/client-node'
import { labels } from '../labels.ts'
import { namespaceName } from './owned-object.ts'

/** Whose function an address is, as far as the cluster told. */
export interface KnownAddress {
  /** Slug; null: nobody's, or of more than one. */
  owner: string | null
  /** False where it may be somebody else's in a moment: its pod ends, two have it, or it has not been told of yet. */
  isCertain: boolean
}

/** Addresses of pods by what the Services of functions lead to, those that are not ready or end included. */
export interface AddressBook {
  replace(slices: readonly V1EndpointSlice[]): void
  put(slice: V1EndpointSlice): void
  remove(slice: V1EndpointSlice): void
  look(address: string): KnownAddress
}

interface Pod {
  owner: string
  isEnding: boolean
}

const unknown: KnownAddress = { owner: null, isCertain: false }

export function createAddressBook(): AddressBook {
  /** Address to slice to pod: one that moves from one slice to another is in both for a moment. */
  const pods = new Map<string, Map<string, Pod>>()
  const addressesOf = new Map<string, string[]>()

  function remove(slice: V1EndpointSlice): void {
    const key = keyOf(slice)
    for (const address of addressesOf.get(key) ?? []) {
      const held = pods.get(address)
      held?.delete(key)
      if (held?.size === 0) pods.delete(address)
    }
    addressesOf.delete(key)
  }

  function put(slice: V1EndpointSlice): void {
    remove(slice)
    const owner = ownerOf(slice)
    if (owner === null) return
    const key = keyOf(slice)
    const addresses: string[] = []
    for (const { addresses: [address] = [], conditions, targetRef } of slice.endpoints ?? []) {
      if (address === undefined || targetRef?.kind !== 'Pod') continue
      const held = pods.get(address) ?? new Map<string, Pod>()
      held.set(key, { owner, isEnding: conditions?.terminating === true })
      pods.set(address, held)
      addresses.push(address)
    }
    addressesOf.set(key, addresses)
  }

  return {
    put,
    remove,
    replace(slices) {
      pods.clear()
      addressesOf.clear()
      for (const slice of slices) put(slice)
    },
    look(address) {
      const held = pods.get(address)
      if (held === undefined) return unknown
      const all = [...held.values()]
      const alive = all.filter(({ isEnding }) => !isEnding)
      // An address is another pod's only after the one that ended has given it back.
      const owner = soleOwner(alive.length > 0 ? alive : all)
      return { owner, isCertain: owner !== null && alive.length > 0 }
    }
  }
}

function keyOf({ metadata }: V1EndpointSlice): string {
  return `${metadata?.namespace}/${metadata?.name}`
}

/** What says that it is an owner's is believed in the namespace of that owner, where nobody but Slipway makes Services. */
function ownerOf({ metadata }: V1EndpointSlice): string | null {
  const owner = metadata?.labels?.[labels.owner]
  return owner !== undefined && metadata?.namespace === namespaceName(owner) ? owner : null
}

function soleOwner(pods: readonly Pod[]): string | null {
  const [first, ...more] = new Set(pods.map(({ owner }) => owner))
  return first !== undefined && more.length === 0 ? first : null
}
