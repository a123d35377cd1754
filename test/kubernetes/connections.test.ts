import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createKubernetesCluster } from '@slipway/cluster/kubernetes'
import { createCertificates } from './certificates.ts'

test('calls that follow each other share connections: not each begins with a handshake', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-connections-'))
  const certificates = await createCertificates(directory)
  const files = await certificates.issue('server', { user: 'server', addresses: ['127.0.0.1'] })
  let calls = 0
  let connections = 0
  const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)])
  const server = createServer({ cert, key }, (_req, res) => {
    calls++
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] }))
  })
  server.on('secureConnection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await rm(directory, { recursive: true })
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const cluster = { name: 'c', cluster: { server: url, 'certificate-authority': certificates.authority } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
  const users = [{ name: 'u', user: { token: 'secret' } }]
  const kubeconfig = join(directory, 'config')
  await writeFile(
    kubeconfig,
    JSON.stringify({ clusters: [cluster], users, contexts: [context], 'current-context': 'x' })
  )
  const functions = createKubernetesCluster({
    kubeconfig,
    installation: randomUUID(),
    gateway: [],
    egress: 'public',
    quota: { cpuMillis: null, memoryBytes: null, pods: null },
    podAnnotations: {},
    ingress: null,
    inner: null,
    registryAuth: {},
    filesOf: () => Promise.resolve(new Map()),
    logger: { info: () => undefined, warn: () => undefined }
  })
  t.after(() => functions.close())
  for (let round = 0; round < 10; round++) assert.deepEqual(await functions.list(t.signal), [])
  assert.equal(calls, 20)
  // Two at a time; one may be lost, or not be free yet.
  assert.ok(connections <= 5, `${connections} connections`)
})
