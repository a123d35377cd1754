import {
  Failure,
  type Notification,
  type NotificationMessage,
  type Notifications,
  type NotificationTopic,
  type Sink,
  type StoredSink
} from '@slipway/domain'
import { batchLimit } from './batches.ts'
import { toBuild } from './build-rows.ts'
import type { Database, Reader } from './database.ts'
import { newId } from './ids.ts'
import type { NotificationRow, NotificationSinkRow } from './schema.ts'

const mostOfOwner = 20

export function createNotifications(database: Database): Notifications {
  return { ...createSinks(database), ...createOutbox(database) }
}

type Sinks = Pick<Notifications, 'addSink' | 'sinks' | 'allSinks' | 'removeSink' | 'reencrypt'>

function createSinks(database: Database): Sinks {
  return {
    addSink: ({ id, ownerId, kind, host, topics, ciphertext, keyId, createdBy, createdAt }) =>
      database.write(async (tx) => {
        // Makers of one owner's come one after the other, or two could both make the last one.
        if (ownerId !== null) await tx.selectFrom('owners').select('id').where('id', '=', ownerId).forUpdate().execute()
        if ((await sinksOf(tx, ownerId)).length >= mostOfOwner) {
          throw new Failure('limit-exceeded', `there are ${mostOfOwner} already: remove those that are not used`)
        }
        const row = { id, owner_id: ownerId, kind, host, topics_json: JSON.stringify(topics), ciphertext }
        const made = { key_id: keyId, created_by: createdBy, created_at: createdAt }
        await tx
          .insertInto('notification_sinks')
          .values({ ...row, ...made })
          .execute()
      }),
    sinks: (ownerId) => database.read(async (db) => (await sinksOf(db, ownerId)).map(toSink)),
    allSinks: () =>
      database.read(async (db) => (await db.selectFrom('notification_sinks').selectAll().execute()).map(toStoredSink)),
    removeSink: (ownerId, id) =>
      database.write(async (tx) => {
        const found = (await sinksOf(tx, ownerId)).find((row) => row.id === id)
        if (found === undefined) throw new Failure('not-found', `there is no notification ${id}`)
        await tx.deleteFrom('notifications').where('sink_id', '=', id).execute()
        await tx.deleteFrom('notification_sinks').where('id', '=', id).execute()
        return toSink(found)
      }),
    reencrypt: (id, before, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('notification_sinks')
          .set({ ciphertext, key_id: keyId })
          .where('id', '=', id)
          .where('ciphertext', '=', before)
          .execute()
      })
  }
}

function createOutbox(database: Database): Omit<Notifications, keyof Sinks> {
  return {
    happened: (since, limit) =>
      database.read(async (db) => {
        const builds = await endedBuilds(db, since, limit)
        const made = await changes(db, since, limit)
        const ends = [
          ...(builds.length < limit ? [] : [builds.at(-1)?.finishedAt ?? since]),
          ...(made.length < limit ? [] : [madeAt(made.at(-1)?.id ?? '')])
        ]
        return { builds, changes: made, next: ends.length === 0 ? null : Math.min(...ends) }
      }),
    enqueue: (wanted, now) =>
      database.write(async (tx) => {
        const made: string[] = []
        for (const { sinkId, eventId, message } of wanted) {
          const row = {
            id: newId(),
            sink_id: sinkId,
            event_id: eventId,
            message_json: JSON.stringify(message),
            status: 'pending' as const,
            attempts: 0,
            next_attempt_at: now,
            reason: null,
            created_at: now
          }
          const inserted = await tx
            .insertInto('notifications')
            .values(row)
            .onConflict((oc) => oc.columns(['sink_id', 'event_id']).doNothing())
            .returning('id')
            .executeTakeFirst()
          if (inserted !== undefined) made.push(inserted.id)
        }
        return made
      }),
    due: (now, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('notifications')
          .selectAll()
          .where('status', '=', 'pending')
          .where('next_attempt_at', '<=', now)
          .orderBy('next_attempt_at')
          .limit(limit)
          .execute()
        return rows.map(toNotification)
      }),
    settle: (id, { status, attempts, nextAttemptAt, reason }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('notifications')
          .set({ status, attempts, next_attempt_at: nextAttemptAt, reason })
          .where('id', '=', id)
          .execute()
      }),
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toNotification(row)
      }),
    list: (sinkId, limit) =>
      database.read(async (db) => {
        const rows = db.selectFrom('notifications').selectAll().where('sink_id', '=', sinkId).orderBy('id', 'desc')
        return (await rows.limit(limit).execute()).map(toNotification)
      }),
    forget: (before) =>
      database.write(async (tx) => {
        const old = await tx
          .selectFrom('notifications')
          .select('id')
          .where('created_at', '<', before)
          .where('status', '!=', 'pending')
          .orderBy('id')
          .limit(batchLimit)
          .execute()
        if (old.length === 0) return 0
        const ids = old.map(({ id }) => id)
        await tx.deleteFrom('notifications').where('id', 'in', ids).execute()
        return ids.length
      })
  }
}

function sinksOf(db: Reader, ownerId: string | null): Promise<NotificationSinkRow[]> {
  const all = db.selectFrom('notification_sinks').selectAll().orderBy('id')
  return (ownerId === null ? all.where('owner_id', 'is', null) : all.where('owner_id', '=', ownerId)).execute()
}

async function endedBuilds(db: Reader, since: number, limit: number) {
  const rows = await db
    .selectFrom('builds')
    .innerJoin('owners', 'owners.id', 'builds.owner_id')
    .innerJoin('repositories', 'repositories.id', 'builds.repository_id')
    .selectAll('builds')
    .select(['owners.slug as owner_slug', 'owners.login as owner_login', 'repositories.full_name as repository_name'])
    .where('builds.finished_at', '>=', since)
    .where('builds.status', 'in', ['live', 'failed', 'error'])
    .orderBy('builds.finished_at')
    .limit(limit)
    .execute()
  return rows.map(({ owner_slug: slug, owner_login: login, repository_name: repositoryName, ...row }) => ({
    ...toBuild(row),
    ownerSlug: slug ?? login,
    repositoryName
  }))
}

/** Ids begin with their time: where the audit has no index by time, it has one by id. */
async function changes(db: Reader, since: number, limit: number) {
  const hex = Math.max(0, since).toString(16).padStart(12, '0')
  const rows = await db
    .selectFrom('audit')
    .selectAll()
    .where('id', '>=', `${hex.slice(0, 8)}-${hex.slice(8)}`)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ owner_id: ownerId, detail_json: detail, ...entry }) => ({
    ...entry,
    ownerId,
    detail: JSON.parse(detail) as Record<string, unknown>
  }))
}

function madeAt(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}

function toSink(row: NotificationSinkRow): Sink {
  return {
    id: row.id,
    ownerId: row.owner_id,
    kind: row.kind,
    host: row.host,
    topics: JSON.parse(row.topics_json) as NotificationTopic[],
    createdBy: row.created_by,
    createdAt: row.created_at
  }
}

function toStoredSink(row: NotificationSinkRow): StoredSink {
  return { ...toSink(row), ciphertext: row.ciphertext, keyId: row.key_id }
}

function toNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    sinkId: row.sink_id,
    message: JSON.parse(row.message_json) as NotificationMessage,
    status: row.status,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    reason: row.reason,
    createdAt: row.created_at
  }
}
