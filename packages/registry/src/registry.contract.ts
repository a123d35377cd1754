import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { collectLayers, startRegistry } from '@slipway/machine'
import { createRegistryClient } from './registry.ts'

const signal = new AbortController().signal
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const mediaType = 'application/vnd.docker.distribution.manifest.v2+json'

async function openRegistry(t: TestContext, auth?: { username: string; password: string }) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registry-'))
  const registry = await startRegistry({ directory, ...(auth && { auth }) })
  t.after(async () => {
    await registry.stop()
    await rm(directory, { recursive: true })
  })
  const client = createRegistryClient(auth === undefined ? {} : { [registry.host]: auth })
  return { host: registry.host, client }
}

function blobOf(content: string) {
  const bytes = Buffer.from(content)
  const open = () => new Blob([bytes]).stream()
  return { digest: digestOf(bytes), size: bytes.length, open }
}

/** The smallest thing that a registry takes for an image. */
function manifestOf(config: { digest: string; size: number }, layer: { digest: string; size: number }): Buffer {
  const part = (type: string, { digest, size }: { digest: string; size: number }) => ({ mediaType: type, digest, size })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: part('application/vnd.docker.container.image.v1+json', config),
      layers: [part('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)]
    })
  )
}

for (const auth of [undefined, { username: 'u', password: 'p' }]) {
  const kind = auth === undefined ? 'an open registry' : 'a registry with a password'
  test(`an image is stored in ${kind}, read back byte for byte, and removed with its tags`, async (t) => {
    const { host, client } = await openRegistry(t, auth)
    const repository = `${host}/alice/shop-hello`
    const [config, layer] = [blobOf('{}'), blobOf('x'.repeat(300_000))]
    for (const blob of [config, layer, layer]) await client.putBlob(repository, blob, signal)
    const bytes = manifestOf(config, layer)
    await client.putManifest(`${repository}:key`, { mediaType, bytes }, signal)
    const pinned = `${repository}@${digestOf(bytes)}`
    assert.equal(await client.digest(`${repository}:key`, signal), digestOf(bytes))
    assert.deepEqual(await client.manifest(pinned, signal), { mediaType, bytes: new Uint8Array(bytes) })
    const stored = await client.blob(repository, layer.digest, signal)
    assert.equal(await new Response(stored).text(), 'x'.repeat(300_000))
    assert.equal(await client.blob(repository, `sha256:${'0'.repeat(64)}`, signal), null)

    assert.equal(await client.removeManifest(pinned, signal), true)
    assert.equal(await client.removeManifest(pinned, signal), false)
    assert.equal(await client.manifest(pinned, signal), null)
    assert.equal(await client.digest(`${repository}:key`, signal), null)
  })
}

test('a blob of one repository is made known in another', async (t) => {
  const { host, client } = await openRegistry(t)
  const layer = blobOf('shared')
  await client.putBlob(`${host}/alice/a`, layer, signal)
  assert.equal(await client.blob(`${host}/bob/b`, layer.digest, signal), null)
  await client.mountBlob(`${host}/bob/b`, layer.digest, `${host}/alice/a`, signal)
  assert.equal(await new Response(await client.blob(`${host}/bob/b`, layer.digest, signal)).text(), 'shared')
  await assert.rejects(client.mountBlob(`${host}/bob/b`, `sha256:${'0'.repeat(64)}`, `${host}/alice/a`, signal))
})

test('a blob that is not what its digest says is not stored', async (t) => {
  const { host, client } = await openRegistry(t)
  const wrong = { ...blobOf('other'), digest: `sha256:${'a'.repeat(64)}` }
  await assert.rejects(
    client.putBlob(`${host}/alice/x`, wrong, signal),
    (err) => err instanceof Failure && err.code === 'unavailable'
  )
  assert.equal(await client.blob(`${host}/alice/x`, wrong.digest, signal), null)
})

test('layers that nothing leads to are collected; what is left can be pulled, and what went can be pushed again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-registry-'))
  let registry = await startRegistry({ directory })
  t.after(async () => {
    await registry.stop()
    await rm(directory, { recursive: true })
  })
  const { host, port } = registry
  const client = createRegistryClient({})
  const repository = `${host}/alice/shop-hello`
  const [config, shared, old] = [blobOf('{}'), blobOf('shared'), blobOf('old '.repeat(100_000))]
  const push = async (tag: string, layer: typeof old) => {
    for (const blob of [config, layer]) await client.putBlob(repository, blob, signal)
    const bytes = manifestOf(config, layer)
    await client.putManifest(`${repository}:${tag}`, { mediaType, bytes }, signal)
    return `${repository}@${digestOf(bytes)}`
  }
  const pinnedOld = await push('old', old)
  const pinnedNew = await push('new', shared)
  await client.removeManifest(pinnedOld, signal)
  // Its tag went to another image: a deployment may run from it all the same.
  await client.putManifest(`${repository}:new`, { mediaType, bytes: manifestOf(shared, config) }, signal)

  await registry.stop()
  assert.equal(await collectLayers({ directory, port }, signal), old.size + manifestOf(config, old).length)
  registry = await startRegistry({ directory, port })
  assert.equal(await client.blob(repository, old.digest, signal), null)
  assert.notEqual(await client.manifest(pinnedNew, signal), null)
  assert.equal(await new Response(await client.blob(repository, shared.digest, signal)).text(), 'shared')
  assert.equal(await push('old', old), pinnedOld)
  assert.equal(await new Response(await client.blob(repository, old.digest, signal)).text(), 'old '.repeat(100_000))
})
