import type { Secrets } from '@slipway/domain'
import { createRedactor, type Redactor } from '@slipway/secrets'
import type { SecretKeeper, Values } from './keeper.ts'

/** Takes an owner's secrets out of what its functions and builds print. */
export interface Redactors {
  of(ownerId: string): Promise<Redactor>
  /** Every value of an owner that something may still print. */
  valuesOf(ownerId: string): Promise<Buffer[]>
}

/** How many owners' redactors are kept: making one means opening all of its secrets. */
const keptOwners = 50

export function createRedactors({
  secrets,
  keeper
}: {
  secrets: Pick<Secrets, 'inUse'>
  keeper: Pick<SecretKeeper, 'open'>
}): Redactors {
  const kept = new Map<string, { versions: string; redactor: Redactor }>()

  async function open(inUse: Awaited<ReturnType<Secrets['inUse']>>): Promise<Buffer[]> {
    const opened: Values[] = []
    for (const secret of inUse) opened.push(await keeper.open(secret))
    return opened.flatMap((values) => [...values.values()])
  }

  return {
    async of(ownerId) {
      const inUse = await secrets.inUse(ownerId)
      const versions = inUse.map(({ versionId }) => versionId).join(' ')
      const known = kept.get(ownerId)
      if (known?.versions === versions) return known.redactor
      const redactor = createRedactor(await open(inUse))
      kept.delete(ownerId)
      kept.set(ownerId, { versions, redactor })
      const [oldest] = kept.keys()
      if (kept.size > keptOwners && oldest !== undefined) kept.delete(oldest)
      return redactor
    },
    async valuesOf(ownerId) {
      return open(await secrets.inUse(ownerId))
    }
  }
}
