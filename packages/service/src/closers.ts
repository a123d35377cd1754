import type { Logger } from './logger.ts'

/** Everything that a service opened, closed in the opposite order. */
export interface Closers {
  add(name: string, close: () => Promise<void> | void): void
  close(): Promise<void>
}

export function createClosers(logger: Logger): Closers {
  const open: { name: string; close: () => Promise<void> | void }[] = []
  let closing: Promise<void> | null = null

  async function closeAll(): Promise<void> {
    const failed: unknown[] = []
    for (let last = open.pop(); last !== undefined; last = open.pop()) {
      try {
        logger.debug({ resource: last.name }, 'closing')
        await last.close()
      } catch (err) {
        // The rest must be closed all the same; what failed is told at the end.
        logger.error({ err, resource: last.name }, 'could not close')
        failed.push(err)
      }
    }
    if (failed.length > 0) throw new AggregateError(failed, 'some resources could not be closed')
  }

  return {
    add: (name, close) => {
      open.push({ name, close })
    },
    close: () => (closing ??= closeAll())
  }
}
