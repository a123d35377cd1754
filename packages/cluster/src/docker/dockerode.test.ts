import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { loadDockerode } from './dockerode.ts'

const { cache } = createRequire(import.meta.url)
const isLoaded = (name: string) => Object.keys(cache).some((path) => path.includes(`/node_modules/${name}/`))

test('what dockerode loads for few is not loaded with it, and is there when it is needed', async () => {
  const Docker = loadDockerode()
  assert.ok(isLoaded('dockerode'))
  assert.deepEqual(['@grpc/grpc-js', 'protobufjs', 'ssh2'].filter(isLoaded), [])
  assert.equal(loadDockerode(), Docker)

  // Port 1 of this machine: nobody listens there.
  const far = new Docker({ protocol: 'ssh', host: '127.0.0.1', port: 1, username: 'nobody' })
  await assert.rejects(far.ping(), /ECONNREFUSED/)
  assert.ok(isLoaded('ssh2'))
})
