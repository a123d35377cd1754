import { Failure } from '@slipway/domain/failure'
import type { Logger } from '@slipway/service/logger'
import { createLoop, type Loop } from '@slipway/service/loop'
import type { RouteSource } from './route-source.ts'
import type { RouteTable } from './routes.ts'

/**
 * Keeps the table as the store says: looks every 500 ms, and at once when woken. While the store is away the last table serves.
 *
 * @param onSwap the table was swapped.
 */
export function createRouteFeed(source: RouteSource, table: RouteTable, onSwap: () => void, logger: Logger): Loop {
  let told: string | null = null
  return createLoop(
    'routes',
    500,
    async () => {
      try {
        // Asked before the routes: the table may be newer than its number, never older.
        const version = await source.routesVersion()
        if (version !== table.version()) {
          table.replace(version, await source.routes(), await source.keys())
          onSwap()
          logger.info({ routesVersion: version }, 'routes swapped')
        }
        if (told !== null) logger.info('the store answers again')
        told = null
      } catch (err) {
        if (!(err instanceof Failure)) throw err
        // Told once, not twice a second; and once more when it is for another reason: one that was away may refuse us.
        if (told !== err.message)
          logger.warn({ err, routesVersion: table.version() }, 'no routes from the store: the last ones keep serving')
        told = err.message
      }
    },
    logger
  )
}
