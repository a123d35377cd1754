import { type IncomingMessage, request } from 'node:http'
import type { Scene } from '../system/scene.ts'

/** A call that goes on until its caller ends it. */
export interface OpenCall {
  /** Once the function has begun to answer. */
  untilBytes(): Promise<void>
  end(): void
  answer(): Promise<{ status: number; body: string }>
  abort(): void
}

/** @param hasBody it has one, which goes on until `end` */
export function openCall(scene: Scene, path: string, { hasBody }: { hasBody: boolean }): OpenCall {
  const { hostname, port } = new URL(scene.installation.endpoints.gateway)
  const req = request({ hostname, port, path, method: hasBody ? 'POST' : 'GET', agent: false })
  const begun = new Promise<IncomingMessage>((resolve, reject) => {
    req.once('response', resolve)
    req.on('error', reject)
  })
  const parts: Buffer[] = []
  const ended = begun.then(
    (res) =>
      new Promise<{ status: number; body: string }>((resolve, reject) => {
        res.on('data', (part: Buffer) => parts.push(part))
        res.on('error', reject)
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
      })
  )
  // Who only aborts it does not ask how it ended.
  ended.catch(() => {})
  if (hasBody) req.write('this goes on\n')
  else req.end()
  return {
    async untilBytes() {
      const res = await begun
      if (parts.length === 0) await new Promise((resolve) => res.once('data', resolve))
    },
    end: () => void req.end(),
    answer: () => ended,
    abort: () => void req.destroy()
  }
}
