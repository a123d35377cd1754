import { isTerminal, type KeepRule, type Retention, uploadForgeId } from '@slipway/domain'
import { batchLimit, pause, sweep } from './batches.ts'
import type { Database, Transaction } from './database.ts'
import type { BuildRow } from './schema.ts'

type OldBuild = Pick<BuildRow, 'id' | 'repository_id' | 'commit' | 'status' | 'created_at' | 'finished_at'>

/** The builds of one repository that a rule lets go, oldest first, a batch at a time. */
async function sweepRepository(
  database: Database,
  repositoryId: string,
  rule: KeepRule,
  remove: (builds: OldBuild[]) => Promise<number>,
  signal: AbortSignal
): Promise<number> {
  /** The newest build that `count` newer ones follow; '' when there are not so many. */
  const placeOf = async (count: number) => {
    const rows = await database.read((db) =>
      db
        .selectFrom('builds')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .orderBy('id', 'desc')
        .limit(1)
        .offset(count)
        .execute()
    )
    return rows[0]?.id ?? ''
  }
  const beyondLast = await placeOf(rule.keepLast)
  if (beyondLast === '') return 0
  const beyondMost = await placeOf(Math.max(rule.keepMost, rule.keepLast))
  return sweep(
    {
      read: (after) =>
        database.read((db) =>
          db
            .selectFrom('builds')
            .select(['id', 'repository_id', 'commit', 'status', 'created_at', 'finished_at'])
            .where('repository_id', '=', repositoryId)
            .where('id', '>', after)
            .where('id', '<=', beyondLast)
            .orderBy('id')
            .limit(batchLimit)
            .execute()
        ),
      isOld: ({ id, status, finished_at: finishedAt }) =>
        isTerminal(status) && (id <= beyondMost || (finishedAt !== null && finishedAt < rule.olderThan)),
      isLast: ({ id, created_at: createdAt }) => createdAt >= rule.olderThan && id > beyondMost,
      remove
    },
    signal
  )
}

async function eachRepository(
  database: Database,
  work: (id: string) => Promise<number>,
  signal: AbortSignal
): Promise<number> {
  let total = 0
  for (let after = ''; ; ) {
    signal.throwIfAborted()
    const rows = await database.read((db) =>
      db.selectFrom('repositories').select('id').where('id', '>', after).orderBy('id').limit(batchLimit).execute()
    )
    for (const { id } of rows) total += await work(id)
    after = rows.at(-1)?.id ?? after
    if (rows.length < batchLimit) return total
  }
}

export function createBuildRetention(database: Database): Pick<
  Retention,
  'removeLogs' | 'removeBuilds' | 'neededUploads'
> & {
  /** All ended builds of one repository that nothing leads to. */
  removeBuildsOf(repositoryId: string, signal: AbortSignal): Promise<number>
} {
  async function removeLog(buildId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const isMore = await database.write(async (tx) => {
        const chunks = await tx
          .selectFrom('log_chunks')
          .select('seq')
          .where('build_id', '=', buildId)
          .orderBy('seq')
          .limit(batchLimit)
          .execute()
        const last = chunks.at(-1)
        if (last === undefined) return false
        await tx.deleteFrom('log_chunks').where('build_id', '=', buildId).where('seq', '<=', last.seq).execute()
        return chunks.length === batchLimit
      })
      if (!isMore) return
      await pause()
    }
  }

  async function removeLogsOf(builds: OldBuild[], signal: AbortSignal): Promise<number> {
    const ids = builds.map(({ id }) => id)
    const logged = await database.read((db) =>
      db
        .selectFrom('builds')
        .select('id')
        .where('id', 'in', ids)
        .where((eb) =>
          eb.exists(eb.selectFrom('log_chunks').select('seq').whereRef('log_chunks.build_id', '=', 'builds.id'))
        )
        .execute()
    )
    for (const { id } of logged) {
      await removeLog(id, signal)
      await pause()
    }
    return logged.length
  }

  async function removeBuildsOf(builds: OldBuild[], signal: AbortSignal): Promise<number> {
    const free = await database.read((db) => withoutTies(db, builds))
    await removeLogsOf(free, signal)
    let removed = 0
    for (const batch of await database.read((db) => inBatches(db, free))) {
      signal.throwIfAborted()
      removed += await database.write((tx) => removeBatch(tx, batch))
      await pause()
    }
    return removed
  }

  return {
    removeBuildsOf: (repositoryId, signal) =>
      sweepRepository(
        database,
        repositoryId,
        { olderThan: Number.POSITIVE_INFINITY, keepLast: 0, keepMost: 0 },
        (builds) => removeBuildsOf(builds, signal),
        signal
      ),
    neededUploads: (keepLast) => database.read((db) => neededUploads(db, keepLast)),
    removeLogs: (rule, signal) =>
      eachRepository(
        database,
        (id) => sweepRepository(database, id, rule, (builds) => removeLogsOf(builds, signal), signal),
        signal
      ),
    removeBuilds: (rule, signal) =>
      eachRepository(
        database,
        (id) => sweepRepository(database, id, rule, (builds) => removeBuildsOf(builds, signal), signal),
        signal
      )
  }
}

type Db = Pick<Transaction, 'selectFrom'>

async function neededUploads(db: Db, keepLast: number): Promise<Set<string>> {
  const rows = await db
    .selectFrom('builds')
    .innerJoin('repositories', 'repositories.id', 'builds.repository_id')
    .select(['builds.repository_id', 'builds.commit', 'builds.status'])
    .where('repositories.forge_id', '=', uploadForgeId)
    .orderBy('builds.id', 'desc')
    .execute()
  const needed = new Set<string>()
  const lastOf = new Map<string, Set<string>>()
  for (const { repository_id: folder, commit, status } of rows) {
    const last = lastOf.get(folder) ?? new Set()
    lastOf.set(folder, last)
    if (!isTerminal(status)) needed.add(commit)
    if (last.size < keepLast) last.add(commit)
  }
  for (const last of lastOf.values()) for (const commit of last) needed.add(commit)
  return needed
}

/** Builds that nothing leads to any more: no deployment that is kept, nor what was last seen of a ref. */
async function withoutTies(db: Db, builds: OldBuild[]): Promise<OldBuild[]> {
  const ids = builds.map(({ id }) => id)
  if (ids.length === 0) return []
  const deployed = await db.selectFrom('deployments').select('build_id').where('build_id', 'in', ids).execute()
  const repositoryIds = [...new Set(builds.map((build) => build.repository_id))]
  const observed = await db
    .selectFrom('ref_observations')
    .select('build_id')
    .where('repository_id', 'in', repositoryIds)
    .execute()
  const tied = new Set([...deployed, ...observed].map((row) => row.build_id))
  return builds.filter(({ id }) => !tied.has(id))
}

/** Builds that together have at most as many rows as a batch may. A stack has a few functions, each with a status on the commit. */
async function inBatches(db: Db, builds: OldBuild[]): Promise<OldBuild[][]> {
  if (builds.length === 0) return []
  const counts = await db
    .selectFrom('build_functions')
    .select(['build_id', (eb) => eb.fn.countAll<number>().as('count')])
    .where(
      'build_id',
      'in',
      builds.map(({ id }) => id)
    )
    .groupBy('build_id')
    .execute()
  const functionsOf = new Map(counts.map((row) => [row.build_id, row.count]))
  const batches: OldBuild[][] = []
  let rows = batchLimit
  for (const build of builds) {
    const own = 2 * (functionsOf.get(build.id) ?? 0) + 2
    if (rows + own > batchLimit) {
      batches.push([])
      rows = 0
    }
    batches.at(-1)?.push(build)
    rows += own
  }
  return batches
}

async function removeBatch(tx: Transaction, builds: OldBuild[]): Promise<number> {
  // Somebody may have asked for a rollback meanwhile, which has a new build but keeps the former one in its deployment.
  const free = await withoutTies(tx, builds)
  if (free.length === 0) return 0
  const ids = free.map(({ id }) => id)
  await tx.deleteFrom('log_chunks').where('build_id', 'in', ids).execute()
  await tx.deleteFrom('build_functions').where('build_id', 'in', ids).execute()
  await tx.deleteFrom('build_secrets').where('build_id', 'in', ids).execute()
  const { numDeletedRows } = await tx.deleteFrom('builds').where('id', 'in', ids).executeTakeFirst()
  for (const { repository_id: repositoryId, commit } of free) {
    await tx
      .deleteFrom('sent_statuses')
      .where('repository_id', '=', repositoryId)
      .where('commit', '=', commit)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('builds')
              .select('builds.id')
              .where('builds.commit', '=', commit)
              .where('builds.repository_id', '=', repositoryId)
          )
        )
      )
      .execute()
  }
  return Number(numDeletedRows)
}
