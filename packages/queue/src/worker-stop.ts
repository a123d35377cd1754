import type { Worker } from 'bullmq'
import type { Redis } from 'ioredis'

/** Lets a worker end what it has; after `graceMs` that is told to end by `stop`. */
export async function stopWorker(
  { worker, connection, stop }: { worker: Pick<Worker, 'close'>; connection: Redis; stop: AbortController },
  graceMs: number
): Promise<void> {
  const timer = setTimeout(() => stop.abort(), graceMs)
  try {
    // With Redis away nobody hands out jobs, and waiting for it would never end.
    const isConnected = connection.status === 'ready'
    if (!isConnected) stop.abort()
    await worker.close(!isConnected)
  } finally {
    clearTimeout(timer)
    connection.disconnect()
  }
}
