import type { IncomingMessage } from 'node:http'
import { Failure } from '@slipway/domain'

export interface BodyLimits {
  /** GitHub sends at most 25 MiB. */
  bodyBytes: number
  /** Bodies above this size share the budget. */
  largeBytes: number
  /** What all large bodies together may hold at a time. */
  budgetBytes: number
  /** A body that is not complete by then is given up. */
  timeoutMs: number
}

export const bodyLimits: BodyLimits = {
  bodyBytes: 25 * 1024 * 1024,
  largeBytes: 64 * 1024,
  budgetBytes: 64 * 1024 * 1024,
  timeoutMs: 20_000
}

/** Reads bodies into memory without letting strangers fill it. */
export interface BodyReader {
  /**
   * @returns the bytes as they came, and `release`, to be called once they are not needed any more.
   * @throws Failure `payload-too-large`, `request-timeout`, `unsupported-media-type` (compressed),
   *   `unavailable` when the budget for large bodies is used up.
   */
  read(request: IncomingMessage): Promise<{ bytes: Buffer; release(): void }>
}

export function createBodyReader(limits: BodyLimits): BodyReader {
  let heldBytes = 0

  function tooLarge(): Failure {
    return new Failure(
      'payload-too-large',
      `the body is larger than ${limits.bodyBytes} bytes, more than any forge sends`
    )
  }

  /** By events: nearly every body comes in one piece, and an iterator over it would cost more than reading it. */
  function collect(request: IncomingMessage, hold: (total: number) => void): Promise<Buffer> {
    const parts: Buffer[] = []
    let total = 0
    return new Promise((resolve, reject) => {
      const giveUp = (err: unknown) => {
        request.off('data', onPart)
        request.pause()
        reject(err)
      }
      const onPart = (part: Buffer) => {
        total += part.length
        parts.push(part)
        try {
          if (total > limits.bodyBytes) throw tooLarge()
          hold(total)
        } catch (err) {
          giveUp(err)
        }
      }
      const onClose = () => giveUp(new Error('the connection was closed'))
      request.on('data', onPart)
      request.once('error', giveUp)
      request.once('close', onClose)
      request.once('end', () => {
        request.off('close', onClose)
        resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, total))
      })
    })
  }

  return {
    async read(request) {
      const encoding = request.headers['content-encoding']
      if (encoding !== undefined && encoding !== 'identity') {
        throw new Failure('unsupported-media-type', 'the body is compressed: forges send webhooks as they are')
      }
      if (Number(request.headers['content-length'] ?? 0) > limits.bodyBytes) throw tooLarge()

      let held = 0
      const release = () => {
        heldBytes -= held
        held = 0
      }
      const hold = (total: number) => {
        if (total <= limits.largeBytes) return
        heldBytes += total - held
        held = total
        if (heldBytes > limits.budgetBytes) {
          throw new Failure('unavailable', 'too many large deliveries at a time: deliver it again', {
            retryAfterMs: 5000
          })
        }
      }
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        request.destroy(new Error('too slow'))
      }, limits.timeoutMs)
      try {
        return { bytes: await collect(request, hold), release }
      } catch (err) {
        release()
        if (isLate)
          throw new Failure('request-timeout', `the body did not arrive within ${limits.timeoutMs} ms`, { cause: err })
        throw err
      } finally {
        clearTimeout(timer)
      }
    }
  }
}
