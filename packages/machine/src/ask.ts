import type { IncomingHttpHeaders } from 'node:http'

const { get } = process.getBuiltinModule('node:http')

/** Asks a server of ours on this machine once: `http://host:port/path`. Null when nobody answers in time. */
export function ask(url: string, timeoutMs = 1000): Promise<{ status: number; headers: IncomingHttpHeaders } | null> {
  return new Promise((resolve) => {
    // No agent: a connection that is kept would outlive the question.
    const req = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (res) => {
      resolve({ status: res.statusCode ?? 0, headers: res.headers })
      res.on('error', () => req.destroy()) // the answer is known; what is left of its body does not matter
      res.resume()
    })
    req.on('error', () => resolve(null))
  })
}
