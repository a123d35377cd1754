import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'

const timeoutMs = 60_000

/**
 * Asks again and again until the answer is the expected one.
 *
 * @param everyMs between two questions: asking takes the processor from what is waited for, and asking seldom finds it out late
 * @returns when that answer had come, by `performance.now()`
 */
export async function firstAnswer(
  url: string,
  expected: string,
  everyMs: number,
  signal: AbortSignal
): Promise<number> {
  const agent = new Agent({ keepAlive: true })
  try {
    for (const until = performance.now() + timeoutMs; performance.now() < until; ) {
      signal.throwIfAborted()
      if ((await ask(url, agent)) === expected) return performance.now()
      await sleep(everyMs)
    }
    throw new Failure('timed-out', `${url} did not answer "${expected}" within ${timeoutMs / 1000} s`)
  } finally {
    agent.destroy()
  }
}

/** null: no answer, or not one of a function that works. */
function ask(url: string, agent: Agent): Promise<string | null> {
  return new Promise((resolve) => {
    const nothing = () => resolve(null)
    const asked = request(url, { agent, timeout: 500 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('error', nothing)
      response.on('end', () => resolve(response.statusCode === 200 ? text : null))
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', nothing)
    asked.end()
  })
}
