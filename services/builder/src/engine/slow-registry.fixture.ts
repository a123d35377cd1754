import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'

/**
 * A registry behind a slow line: it takes a layer in small pieces, and would not be done with a large one for minutes.
 * (One that took all of a layer and does not answer holds a connection of the engine's, which no client can end.)
 */
export async function openSlowRegistry(t: TestContext) {
  const uploading = new Set<Socket>()
  const begun = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    if (url === '/v2/') return response.setHeader('docker-distribution-api-version', 'registry/2.0').end('{}')
    if (request.method === 'POST') {
      return response.writeHead(202, { location: `http://${request.headers.host}${url}one`, range: '0-0' }).end()
    }
    if (request.method === 'PATCH' || request.method === 'PUT') {
      const { socket } = request
      uploading.add(socket)
      socket.on('close', () => uploading.delete(socket))
      begun.resolve()
      request.on('data', () => {
        request.pause()
        setTimeout(() => request.resume(), 50)
      })
      return request.on('end', () => response.writeHead(202, { location: url, range: '0-0' }).end())
    }
    return response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The engine sends a layer. */
    begun: begun.promise,
    uploads: () => uploading.size
  }
}
