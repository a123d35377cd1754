import type { RequestOptions } from 'node:http'

const { request: httpRequest } = process.getBuiltinModule('node:http')
const { request: httpsRequest } = process.getBuiltinModule('node:https')

/** How to reach a Docker engine, in the form that dockerode takes. */
export type DockerConnection =
  | { socketPath: string }
  | { protocol: 'http' | 'https'; host: string; port: number; ca?: Buffer; cert?: Buffer; key?: Buffer }

export interface EngineAnswer {
  status: number
  /** What came back, one character a byte. */
  text: string
  /** The same as an object; empty when it is none. */
  body: Record<string, unknown>
  /** The same as a list; empty when it is none. */
  list: unknown[]
}

/** One call of the Docker Engine API. Rejects when the engine cannot be reached; a status that tells of an error is an answer. */
export function callEngine(
  connection: DockerConnection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { body, timeoutMs }: { body?: object; timeoutMs?: number } = {}
): Promise<EngineAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const isTls = 'protocol' in connection && connection.protocol === 'https'
  const headers = text === undefined ? {} : { 'content-type': 'application/json' }
  const options: RequestOptions = { ...connection, method, path, headers, agent: false }
  if ('protocol' in connection) options.protocol = `${connection.protocol}:`
  return new Promise((resolve, reject) => {
    const req = (isTls ? httpsRequest : httpRequest)(options, (res) => {
      let answer = ''
      res.setEncoding('latin1')
      res.on('data', (chunk: string) => {
        answer += chunk
      })
      res.once('error', reject)
      res.once('end', () => resolve(answerOf(res.statusCode ?? 0, answer)))
    })
    if (timeoutMs !== undefined) {
      req.setTimeout(timeoutMs, () => req.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
    }
    req.once('error', reject)
    req.end(text)
  })
}

function answerOf(status: number, text: string): EngineAnswer {
  const value = parse(Buffer.from(text, 'latin1').toString('utf8'))
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return { status, text, body: isObject ? { ...value } : {}, list: Array.isArray(value) ? value : [] }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // an empty answer, or text
  }
}
