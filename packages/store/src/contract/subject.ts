import type { TestContext } from 'node:test'
import type { Store } from '@slipway/domain'

/** An empty database of a test's own. */
export interface Database {
  /** Opens a store on it, as one more process would. Closed when the test ends. */
  open(): Promise<Store>
  /** Changes what no port changes: rows as a crash or a later version may have left them. */
  run(statement: string): Promise<void>
}

/** What a contract suite runs on. */
export interface Subject {
  name: string
  database(t: TestContext): Promise<Database>
}

/** Limits that nobody meets. */
export const ample = { slots: 100, perOwner: 100, redispatchMs: 60_000 }
export const firstPage = { before: null, limit: 1000 }

/** A full commit id that begins with the given characters. */
export function commitOf(text: string | number): string {
  return Buffer.from(String(text)).toString('hex').padEnd(40, '0')
}

/** Expects the failure of this code, whose message says so. */
export function failure(code: string, message = /./): (err: unknown) => boolean {
  return (err) => err instanceof Error && 'code' in err && err.code === code && message.test(err.message)
}
