import type { ForgeConnection, ForgeConnections, ForgeInstance } from '@slipway/domain'
import type { Database } from './database.ts'
import type { ForgeConnectionRow } from './schema.ts'

function toConnection(row: ForgeConnectionRow): ForgeConnection {
  return {
    id: row.id,
    stateHash: row.state_hash,
    instance: JSON.parse(row.instance_json) as ForgeInstance,
    organization: row.organization,
    manifest: row.manifest_json,
    replaces: row.replaces,
    startedBy: row.started_by,
    startedAt: row.started_at,
    expiresAt: row.expires_at,
    status: row.status,
    reason: row.reason,
    appId: row.app_id
  }
}

export function createForgeConnections(database: Database): ForgeConnections {
  return {
    begin: (connection) =>
      database.write(async (tx) => {
        const { id, organization, replaces, status, reason, expiresAt } = connection
        await tx
          .insertInto('forge_connections')
          .values({
            id,
            state_hash: connection.stateHash,
            instance_json: JSON.stringify(connection.instance),
            organization,
            manifest_json: connection.manifest,
            replaces,
            started_by: connection.startedBy,
            started_at: connection.startedAt,
            expires_at: expiresAt,
            status,
            reason,
            app_id: connection.appId
          })
          .execute()
      }),
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('forge_connections').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toConnection(row)
      }),
    findByState: (stateHash) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('forge_connections')
          .selectAll()
          .where('state_hash', '=', stateHash)
          .executeTakeFirst()
        return row === undefined ? null : toConnection(row)
      }),
    take: (stateHash, now) =>
      database.write(async (tx) => {
        const row = await tx
          .updateTable('forge_connections')
          .set({ status: 'converting' })
          .where('state_hash', '=', stateHash)
          .where('status', '=', 'started')
          .where('expires_at', '>', now)
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toConnection(row)
      }),
    finish: (id, end) =>
      database.write(async (tx) => {
        const reason = end.status === 'failed' ? end.reason : null
        await tx
          .updateTable('forge_connections')
          .set({ status: end.status, reason, app_id: end.appId })
          .where('id', '=', id)
          .where('status', '=', 'converting')
          .execute()
      }),
    collect: (before) =>
      database.write(async (tx) => {
        const gone = await tx.deleteFrom('forge_connections').where('expires_at', '<', before).returning('id').execute()
        return gone.length
      })
  }
}
