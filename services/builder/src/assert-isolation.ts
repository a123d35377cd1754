import type { BuildRooms } from '@slipway/cluster/build-rooms'
import { type BuildIsolation, Failure } from '@slipway/domain'
import type { Logger } from '@slipway/service'

/**
 * Who wants builds kept apart learns at the start that this machine cannot, and not from the first build. An engine that is away is no
 * reason not to start: each build asks again.
 *
 * @throws Failure `invalid-configuration` saying what is missing
 */
export async function assertIsolation(
  isolation: BuildIsolation,
  rooms: Pick<BuildRooms, 'check'>,
  logger: Pick<Logger, 'warn'>,
  signal: AbortSignal
): Promise<void> {
  if (isolation === 'shared') return
  try {
    await rooms.check(signal)
  } catch (err) {
    if (err instanceof Failure && err.code === 'invalid-configuration') {
      throw new Failure(
        'invalid-configuration',
        `BUILD_ISOLATION is "strict", and ${err.message}. Mend that, or let builds share the engine (BUILD_ISOLATION=shared)`,
        { cause: err }
      )
    }
    logger.warn({ err }, 'it could not be found out whether builds can be kept apart, each build asks again')
  }
}
