import type { FoundRepository } from './ports/forge.ts'
import type { Repository } from './repository.ts'

/** `unclear`: the answer may have another reason than a loss, so nothing follows from it. */
export type Presence = 'there' | 'lost' | 'unclear'

/**
 * Whether a repository is still there and connected. "Not found" is an answer to whoever asks: only one who saw the repository,
 * or its connection, before can tell that it is lost. Another App, or a token of another account, just does not see it.
 *
 * @param found what the forge says now; null: that it is not there.
 * @param identity who asked, see `ForgeApi.identity`.
 */
export function judgePresence(
  found: FoundRepository | null,
  known: Pick<Repository, 'seenBy' | 'connectionSeenBy'>,
  identity: string
): Presence {
  if (found === null) return known.seenBy === identity ? 'lost' : 'unclear'
  if (found.connection === 'gone') return known.connectionSeenBy === identity ? 'lost' : 'unclear'
  return 'there'
}
