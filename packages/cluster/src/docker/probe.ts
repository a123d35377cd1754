import { type Endpoint, functionPort, type Readiness } from '@slipway/domain'
import { pathOrigin } from '../readiness.ts'

const { request } = process.getBuiltinModule('node:http')

/** What one question on a readiness path came to. */
export type Answer =
  | { kind: 'status'; status: number }
  | { kind: 'refused' }
  | { kind: 'timeout'; afterMs: number }
  | { kind: 'broken'; code: string }

/** Asks once. Never throws but for the signal. */
export function ask({ host, port }: Endpoint, path: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    // No agent: a connection that is kept would outlive the question.
    const req = request({ host, port, path, agent: false, signal, headers: { 'user-agent': 'slipway-readiness' } })
    const timer = setTimeout(() => {
      resolve({ kind: 'timeout', afterMs: timeoutMs })
      req.destroy()
    }, timeoutMs)
    req.once('response', (res) => {
      resolve({ kind: 'status', status: res.statusCode ?? 0 })
      res.on('error', () => req.destroy()) // the answer is known; what is left of its body does not matter
      res.resume()
    })
    req.once('close', () => clearTimeout(timer))
    req.on('error', (err: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason)
      else if (err.code === 'ECONNREFUSED') resolve({ kind: 'refused' })
      else resolve({ kind: 'broken', code: err.code ?? err.message })
    })
    req.end()
  })
}

export function isReady(answer: Answer): boolean {
  return answer.kind === 'status' && answer.status >= 200 && answer.status < 300
}

/** One that was ready before and has all the calls that it takes says so: it is not to be replaced for that. */
export function isBusy(answer: Answer): boolean {
  return answer.kind === 'status' && answer.status === 429
}

/** Why a replica is not ready, for its owner: what was asked, what came back, what to change. */
export function describeAnswer(answer: Answer | null, readiness: Readiness): string {
  const { path } = readiness
  const where = `GET ${path} on port ${functionPort}`
  const change = pathOrigin(readiness)
  switch (answer?.kind) {
    case undefined:
      return `${where} was not asked in time`
    case 'refused':
      return `nothing listens on port ${functionPort}, where GET ${path} was asked: a function must listen on 0.0.0.0:${functionPort} (${change})`
    case 'timeout':
      return `${where} gave no answer within ${answer.afterMs / 1000} s (${change})`
    case 'broken':
      return `${where} failed: ${answer.code}`
    case 'status':
      if (answer.status === 404) return `${where} answered 404: ${change}`
      if (answer.status === 429) return `${where} kept answering 429 (busy)`
      return `${where} answered ${answer.status} (${change})`
  }
}
