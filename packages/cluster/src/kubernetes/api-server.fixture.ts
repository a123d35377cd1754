import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectKubernetes } from './api.ts'

/** One call as the listener got it. */
export interface Asked {
  method: string
  path: string
  query: URLSearchParams
}

/** Says what an API server would: the real client talks to it. */
export async function startApiServer(
  t: TestContext,
  answer: (asked: Asked, res: ServerResponse, req: IncomingMessage) => void,
  { prefix = '' } = {}
) {
  const asked: Asked[] = []
  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://api')
    const call = { method: req.method ?? '', path: pathname, query: searchParams }
    asked.push(call)
    res.setHeader('content-type', 'application/json')
    answer(call, res, req)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const directory = await mkdtemp(join(tmpdir(), 'slipway-api-'))
  t.after(() => rm(directory, { recursive: true }))
  const kubeconfig = join(directory, 'config')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`
  const cluster = { name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
  const users = [{ name: 'u', user: {} }]
  await writeFile(
    kubeconfig,
    JSON.stringify({ clusters: [cluster], users, contexts: [context], 'current-context': 'x' })
  )
  return { asked, api: await connectKubernetes(kubeconfig), server }
}

/** As the API server tells that it does not do what it was asked. */
export function refuse(res: ServerResponse, code: number, message: string, headers: Record<string, string> = {}): void {
  res
    .writeHead(code, headers)
    .end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }))
}

/** A line of a watch. */
export const told = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`
