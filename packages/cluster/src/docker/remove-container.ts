import { type Engine, longCallMs, statusOf } from './engine.ts'

/**
 * Removes a container, running or not. One that is not there is fine.
 *
 * @returns `going` when somebody else is removing it and has not ended yet.
 */
export async function removeContainer(engine: Engine, id: string, signal: AbortSignal): Promise<'gone' | 'going'> {
  try {
    await engine.call(
      'remove a container',
      signal,
      (docker) => docker.getContainer(id).remove({ force: true, v: true }),
      longCallMs
    )
    return 'gone'
  } catch (err) {
    if (statusOf(err) === 404) return 'gone'
    if (statusOf(err) === 409) return 'going'
    throw err
  }
}
