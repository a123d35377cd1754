import type { Kysely, Transaction as KyselyTransaction } from 'kysely'
import { isConflict, translate } from './database-failure.ts'
import type { Schema } from './schema.ts'

export type Reader = Kysely<Schema>
export type Transaction = KyselyTransaction<Schema>

/** The database as the rest of this package sees it: work goes in, Failures come out. */
export interface Database {
  /** Questions. One statement each, or such as may see different moments. */
  read<T>(work: (db: Reader) => Promise<T>): Promise<T>
  /**
   * One transaction, whole or not at all. It may be done again when another one stood in its way,
   * so it must do nothing but talk to the database; and it must await nothing else, for on SQLite everybody waits for it.
   */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

const writeAttempts = 4

export function createDatabase(db: Kysely<Schema>): Database {
  return {
    async read(work) {
      try {
        return await work(db)
      } catch (err) {
        throw translate(err)
      }
    },
    async write(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute(work)
        } catch (err) {
          if (!isConflict(err) || attempt === writeAttempts) throw translate(err)
        }
      }
    }
  }
}
