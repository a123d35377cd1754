import type { Call } from './call.ts'
import { bodyTooLarge } from './refusals.ts'

/** A request's body on its way to a function: nothing of it is held, nothing is read before the function is connected. */
export interface RequestBody extends AsyncIterable<Uint8Array> {
  /** It is the caller who is waited for, not the function. */
  isAwaited(): boolean
}

export function createRequestBody({ req, res, isExpecting }: Call, limitBytes: number): RequestBody {
  let isAwaited = false
  return {
    isAwaited: () => isAwaited,
    async *[Symbol.asyncIterator]() {
      if (isExpecting) res.writeContinue()
      let bytes = 0
      isAwaited = true
      try {
        // A response that came early ends the loop, and must not take the connection with it.
        for await (const chunk of req.iterator({ destroyOnReturn: false })) {
          bytes += (chunk as Buffer).length
          if (bytes > limitBytes) throw bodyTooLarge(limitBytes)
          isAwaited = false
          yield chunk as Buffer
          isAwaited = true
        }
      } finally {
        isAwaited = false
        req.resume()
      }
    }
  }
}
