import { existsSync } from 'node:fs'
import { Failure, type ForgeApp, type ForgeApps, type ForgeSecret } from '@slipway/domain'
import type { Database, Transaction } from './database.ts'
import { translate } from './database-failure.ts'
import { openSnapshot } from './dump-source.ts'
import type { ForgeAppRow, ForgeSecretRow } from './schema.ts'
import type { StoreConfig } from './store.ts'

function toApp(row: ForgeAppRow): ForgeApp {
  return {
    forgeId: row.forge_id,
    kind: row.kind,
    baseUrl: row.base_url,
    apiUrl: row.api_url,
    appId: row.app_id,
    slug: row.slug,
    htmlUrl: row.html_url,
    ownerLogin: row.owner_login,
    isOrganization: row.is_organization === 1,
    clientId: row.client_id,
    isHookActive: row.is_hook_active === 1,
    createdAt: row.created_at
  }
}

function toAppRow(app: ForgeApp): ForgeAppRow {
  return {
    forge_id: app.forgeId,
    kind: app.kind,
    base_url: app.baseUrl,
    api_url: app.apiUrl,
    app_id: app.appId,
    slug: app.slug,
    html_url: app.htmlUrl,
    owner_login: app.ownerLogin,
    is_organization: app.isOrganization ? 1 : 0,
    client_id: app.clientId,
    is_hook_active: app.isHookActive ? 1 : 0,
    created_at: app.createdAt
  }
}

function toSecret(row: ForgeSecretRow): ForgeSecret {
  const { id, ciphertext, forge_id: forgeId, used_for: use, key_id: keyId, created_at: createdAt } = row
  return { id, forgeId, use, ciphertext, keyId, createdAt, expiresAt: row.expires_at }
}

async function insertSecret(tx: Transaction, secret: ForgeSecret): Promise<void> {
  const { id, forgeId, use, ciphertext, keyId, createdAt, expiresAt } = secret
  await tx
    .insertInto('forge_secrets')
    .values({
      id,
      forge_id: forgeId,
      used_for: use,
      ciphertext,
      key_id: keyId,
      created_at: createdAt,
      expires_at: expiresAt
    })
    .execute()
}

export function createForgeApps(database: Database): ForgeApps {
  return {
    list: () =>
      database.read(async (db) =>
        (await db.selectFrom('forge_apps').selectAll().orderBy('forge_id').execute()).map(toApp)
      ),
    get: (forgeId) =>
      database.read(async (db) => {
        const row = await db.selectFrom('forge_apps').selectAll().where('forge_id', '=', forgeId).executeTakeFirst()
        return row === undefined ? null : toApp(row)
      }),
    put: (app, secrets, replaces) =>
      database.write(async (tx) => {
        const { forgeId } = app
        await tx.deleteFrom('forge_secrets').where('forge_id', '=', forgeId).execute()
        if (replaces !== null) {
          await tx.deleteFrom('forge_apps').where('forge_id', '=', forgeId).where('app_id', '=', replaces).execute()
        }
        // The row is the lock: of two that store at once the second finds the first one's.
        const stored = await tx
          .insertInto('forge_apps')
          .values(toAppRow(app))
          .onConflict((oc) => oc.column('forge_id').doNothing())
          .returning('forge_id')
          .executeTakeFirst()
        if (stored === undefined) throw new Failure('conflict', `${forgeId} is connected to another App meanwhile`)
        for (const secret of secrets) await insertSecret(tx, secret)
      }),
    setHookActive: ({ forgeId, appId }, isActive) =>
      database.write(async (tx) => {
        await tx
          .updateTable('forge_apps')
          .set({ is_hook_active: isActive ? 1 : 0 })
          .where('forge_id', '=', forgeId)
          .where('app_id', '=', appId)
          .execute()
      }),
    secrets: (use, now) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('forge_secrets')
          .selectAll()
          .where('used_for', '=', use)
          .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .execute()
        return rows.map(toSecret)
      }),
    addSecret: (secret) =>
      database.write(async (tx) => {
        const known = await tx
          .selectFrom('forge_apps')
          .select('forge_id')
          .where('forge_id', '=', secret.forgeId)
          .executeTakeFirst()
        if (known === undefined) throw new Failure('not-found', `${secret.forgeId} is not connected`)
        await insertSecret(tx, secret)
      }),
    supersedeSecrets: ({ forgeId, use }, kept, at) =>
      database.write(async (tx) => {
        await tx
          .updateTable('forge_secrets')
          .set({ expires_at: at })
          .where('forge_id', '=', forgeId)
          .where('used_for', '=', use)
          .where('id', 'not in', [...kept])
          .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
          .execute()
      }),
    collectSecrets: (before) =>
      database.write(async (tx) => {
        const gone = await tx.deleteFrom('forge_secrets').where('expires_at', '<', before).returning('id').execute()
        return gone.length
      }),
    encryptedOtherwise: (use, keyId) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('forge_secrets')
          .selectAll()
          .where('used_for', '=', use)
          .where('key_id', '!=', keyId)
          .orderBy('id')
          .execute()
        return rows.map(toSecret)
      }),
    reencrypt: (id, before, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('forge_secrets')
          .set({ ciphertext, key_id: keyId })
          .where('id', '=', id)
          .where('ciphertext', '=', before)
          .execute()
      })
  }
}

/**
 * The forges that are connected, for who only looks: nothing is made or brought up to date. None where there is no database yet.
 *
 * @throws Failure `unavailable`, `invalid-configuration`
 */
export async function connectedForges(config: StoreConfig): Promise<ForgeApp[]> {
  if (config.url === null && !existsSync(config.file)) return []
  try {
    const snapshot = await openSnapshot(config)
    try {
      if (!(await snapshot.tables()).some(({ name }) => name === 'forge_apps')) return []
      const apps: ForgeApp[] = []
      // Kysely reads the same table by the same types.
      for await (const row of snapshot.rows('forge_apps')) apps.push(toApp(row as unknown as ForgeAppRow))
      return apps
    } finally {
      await snapshot.close()
    }
  } catch (err) {
    throw translate(err)
  }
}
