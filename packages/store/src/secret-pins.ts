import { Failure, type SecretPin } from '@slipway/domain'
import type { Transaction } from './database.ts'
import type { DeploymentRow } from './schema.ts'

/** The versions that sets have for a build: its own sealed ones, else the owner's current ones. */
export async function findPins(
  db: Transaction,
  { buildId, ownerId }: { buildId: string; ownerId: string },
  names: readonly string[]
): Promise<SecretPin[]> {
  if (names.length === 0) return []
  const sealed = await db
    .selectFrom('build_secrets')
    .select(['name', 'version_id'])
    .where('build_id', '=', buildId)
    .where('name', 'in', names)
    .execute()
  const current = await db
    .selectFrom('secret_sets')
    .select(['name', 'version_id'])
    .where('owner_id', '=', ownerId)
    .where('name', 'in', names)
    .orderBy('name')
    // Who changes one of them at this moment sees the deployment that is being made, or this sees the change.
    .forUpdate()
    .execute()
  return names.flatMap((name) => {
    const versionId = [...sealed, ...current].find((row) => row.name === name)?.version_id ?? null
    return versionId === null ? [] : [{ name, versionId }]
  })
}

/** The pins of a new deployment. @throws Failure `invalid-stack` naming the secret that is not there any more */
export async function pinSecrets(
  db: Transaction,
  of: { buildId: string; ownerId: string; functionName: string },
  names: readonly string[]
): Promise<SecretPin[]> {
  const pins = await findPins(db, of, names)
  const missing = names.find((name) => !pins.some((pin) => pin.name === name))
  if (missing === undefined) return pins
  throw new Failure(
    'invalid-stack',
    `functions.${of.functionName}.secrets: there is no secret "${missing}" any more: set it with "slipway secrets set ${missing}"`
  )
}

export function pinsOf(row: Pick<DeploymentRow, 'secrets_json'>): SecretPin[] {
  return JSON.parse(row.secrets_json) as SecretPin[]
}
