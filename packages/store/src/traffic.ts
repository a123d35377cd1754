import {
  addTraffic,
  errorsOf,
  hourMs,
  noTraffic,
  type Traffic,
  type TrafficBatch,
  type TrafficCount,
  type TrafficPart,
  type TrafficRange,
  type TrafficSum,
  type Usage
} from '@slipway/domain'
import { sql } from 'kysely'
import type { Database, Reader, Transaction } from './database.ts'
import type { TrafficTable } from './schema.ts'

const tables = { minutes: 'traffic_minutes', hours: 'traffic_hours' } as const
type TableName = (typeof tables)[keyof typeof tables]

/** Rows of one statement, far below what either database takes as parameters. */
const rowsPerStatement = 200

export function createTraffic(database: Database): Traffic {
  return {
    record: (batches) =>
      database.write(async (tx) => {
        await queueUp(tx)
        const parts = await takeNew(tx, batches)
        await addRows(tx, tables.minutes, parts)
        await addRows(
          tx,
          tables.hours,
          parts.map((part) => ({ ...part, at: part.at - (part.at % hourMs) }))
        )
      }),
    ofFunction: (ownerId, functionName, range) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom(tables[range.source])
          .selectAll()
          .where('owner_id', '=', ownerId)
          .where('function_name', '=', functionName)
          .where('at', '>=', range.from)
          .where('at', '<', range.until)
          .orderBy('at')
          .execute()
        const steps = new Map<number, TrafficCount & { at: number }>()
        for (const row of rows) {
          const at = row.at - (row.at % range.stepMs)
          const step = steps.get(at) ?? { at, ...noTraffic() }
          addTraffic(step, countOf(row))
          steps.set(at, step)
        }
        return [...steps.values()]
      }),
    ofOwner: (ownerId, range) => database.read((db) => sumsOf(db, ownerId, range)),
    usage: (ownerId, from, until) => database.read((db) => usageOf(db, ownerId, from, until))
  }
}

/** One writer at a time: what is added to has to stay as it was read. */
async function queueUp(tx: Transaction): Promise<void> {
  await tx
    .updateTable('counters')
    .set((eb) => ({ value: eb('value', '+', 1) }))
    .where('name', '=', 'traffic')
    .execute()
}

/** The parts of those batches that were not counted yet, whose senders are noted. */
async function takeNew(tx: Transaction, batches: TrafficBatch[]): Promise<TrafficPart[]> {
  if (batches.length === 0) return []
  const senders = [...new Set(batches.map(({ sender }) => sender))]
  const known = await tx.selectFrom('traffic_senders').selectAll().where('sender', 'in', senders).execute()
  const last = new Map(known.map((row) => [row.sender, { number: row.number, at: row.at }]))
  const parts: TrafficPart[] = []
  for (const batch of batches.toSorted((a, b) => a.number - b.number)) {
    const before = last.get(batch.sender)
    if (before !== undefined && batch.number <= before.number) continue
    const at = batch.parts.reduce((latest, part) => Math.max(latest, part.at), before?.at ?? 0)
    last.set(batch.sender, { number: batch.number, at })
    parts.push(...batch.parts)
  }
  for (const [sender, { number, at }] of last) {
    await tx
      .insertInto('traffic_senders')
      .values({ sender, number, at })
      .onConflict((oc) => oc.column('sender').doUpdateSet({ number, at }))
      .execute()
  }
  return ofKnownOwners(tx, parts)
}

async function ofKnownOwners(tx: Transaction, parts: TrafficPart[]): Promise<TrafficPart[]> {
  const asked = [...new Set(parts.map(({ ownerId }) => ownerId))]
  const known = new Set<string>()
  for (let i = 0; i < asked.length; i += rowsPerStatement) {
    const ids = asked.slice(i, i + rowsPerStatement)
    for (const { id } of await tx.selectFrom('owners').select('id').where('id', 'in', ids).execute()) known.add(id)
  }
  return parts.filter(({ ownerId }) => known.has(ownerId))
}

/** Adds to what the table has. */
async function addRows(tx: Transaction, table: TableName, parts: TrafficPart[]): Promise<void> {
  const sums = new Map<string, TrafficPart>()
  for (const part of parts) {
    const key = `${part.ownerId}/${part.functionName}/${part.at}`
    const sum = sums.get(key) ?? { ...part, ...noTraffic() }
    addTraffic(sum, part)
    sums.set(key, sum)
  }
  const all = [...sums.values()]
  for (let i = 0; i < all.length; i += rowsPerStatement) await addSome(tx, table, all.slice(i, i + rowsPerStatement))
}

async function addSome(tx: Transaction, table: TableName, sums: TrafficPart[]): Promise<void> {
  const stored = await tx
    .selectFrom(table)
    .selectAll()
    .where('at', 'in', [...new Set(sums.map(({ at }) => at))])
    .where('owner_id', 'in', [...new Set(sums.map(({ ownerId }) => ownerId))])
    .execute()
  for (const row of stored) {
    const sum = sums.find((one) => isOf(row, one))
    if (sum !== undefined) addTraffic(sum, countOf(row))
  }
  await tx
    .insertInto(table)
    .values(sums.map(rowOf))
    .onConflict((oc) =>
      oc.columns(['owner_id', 'function_name', 'at']).doUpdateSet((eb) => ({
        calls: eb.ref('excluded.calls'),
        errors: eb.ref('excluded.errors'),
        running: eb.ref('excluded.running'),
        codes_json: eb.ref('excluded.codes_json'),
        latency_json: eb.ref('excluded.latency_json')
      }))
    )
    .execute()
}

function isOf(row: TrafficTable, { ownerId, functionName, at }: TrafficPart): boolean {
  return row.at === at && row.function_name === functionName && row.owner_id === ownerId
}

function rowOf(part: TrafficPart): TrafficTable {
  return {
    owner_id: part.ownerId,
    function_name: part.functionName,
    at: part.at,
    calls: part.calls,
    errors: errorsOf(part),
    running: part.running,
    codes_json: JSON.stringify(part.codes),
    latency_json: JSON.stringify(part.latency)
  }
}

function countOf(row: TrafficTable): TrafficCount {
  return {
    calls: row.calls,
    running: row.running,
    codes: JSON.parse(row.codes_json) as Record<string, number>,
    latency: JSON.parse(row.latency_json) as number[]
  }
}

async function sumsOf(
  db: Reader,
  ownerId: string,
  { from, until, stepMs, source }: TrafficRange
): Promise<TrafficSum[]> {
  const step = sql<number>`cast(at - at % ${sql.lit(stepMs)} as bigint)`
  const rows = await db
    .selectFrom(tables[source])
    .select(['function_name', step.as('step'), ...sumsOfCalls()])
    .where('owner_id', '=', ownerId)
    .where('at', '>=', from)
    .where('at', '<', until)
    .groupBy(['function_name', step])
    .orderBy('function_name')
    .orderBy(step)
    .execute()
  return rows.map(({ function_name: functionName, step: at, calls, errors }) => ({ functionName, at, calls, errors }))
}

function sumsOfCalls() {
  return [
    sql<number>`cast(coalesce(sum(calls), 0) as bigint)`.as('calls'),
    sql<number>`cast(coalesce(sum(errors), 0) as bigint)`.as('errors')
  ] as const
}

async function usageOf(db: Reader, ownerId: string, from: number, until: number): Promise<Usage> {
  const called = await db
    .selectFrom('traffic_hours')
    .select(sumsOfCalls())
    .where('owner_id', '=', ownerId)
    .where('at', '>=', from - (from % hourMs))
    .where('at', '<', until)
    .executeTakeFirstOrThrow()
  const built = await db
    .selectFrom('builds')
    .select([
      sql<number>`cast(count(*) as bigint)`.as('builds'),
      sql<number>`cast(coalesce(sum(coalesce(finished_at, ${until}) - started_at), 0) as bigint)`.as('build_ms')
    ])
    .where('owner_id', '=', ownerId)
    .where('started_at', '>=', from)
    .where('started_at', '<', until)
    .executeTakeFirstOrThrow()
  return { ...called, builds: built.builds, buildMs: built.build_ms }
}
