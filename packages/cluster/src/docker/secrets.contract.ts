import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Cluster } from '@slipway/domain'
import { type DeploymentChange, deploymentOf } from '@slipway/testing'
import { labels } from '../labels.ts'
import { fetchJson, type Ground, openGround } from './contract-ground.fixture.ts'

let ground: Ground
let cluster: Cluster
const signal = () => AbortSignal.timeout(60_000)

before(async () => {
  ground = await openGround()
  cluster = ground.cluster()
  ground.secrets.set('password', Buffer.from('hunter2hunter2'))
  ground.secrets.set('tls.key', Buffer.from('a key'))
})
after(() => ground.close())

const withSecrets = (change: DeploymentChange = {}) =>
  deploymentOf({ image: ground.image, secrets: [{ name: 'db', versionId: 'v1' }], ...change })

const path = encodeURIComponent('/var/openfaas/secrets/password')

test('a function that is not root reads its secrets as files, and cannot change them', async () => {
  const deployment = withSecrets()
  const [endpoint] = await cluster.apply(deployment, signal())
  assert.ok(endpoint)
  assert.deepEqual(await fetchJson(endpoint, `/read?path=${path}`), {
    text: 'hunter2hunter2',
    entries: ['password', 'tls.key']
  })
  assert.notEqual((await fetchJson(endpoint, '/about')).uid, 0)
  assert.deepEqual(await fetchJson(endpoint, `/write?path=${path}&mib=0`), { error: 'EROFS' })
  await cluster.remove(deployment.id, 0, signal())
  assert.deepEqual(await readdir(ground.secretsDirectory), [])
})

test('a function without secrets sees none, though others of its owner have some', async () => {
  const deployment = withSecrets({ secrets: [] })
  const [endpoint] = await cluster.apply(deployment, signal())
  assert.ok(endpoint)
  assert.deepEqual(await fetchJson(endpoint, `/read?path=${path}`), { error: 'ENOENT' })
  await cluster.remove(deployment.id, 0, signal())
})

test('secrets stand in no label and no variable of the container', async () => {
  const deployment = withSecrets()
  await cluster.apply(deployment, signal())
  const filters = { label: [`${labels.deployment}=${deployment.id}`] }
  const containers = await ground.docker.listContainers({ filters })
  for (const { Id } of containers) {
    const text = JSON.stringify(await ground.docker.getContainer(Id).inspect())
    assert.ok(!text.includes('hunter2') && !text.includes(Buffer.from('hunter2hunter2').toString('base64')))
  }
  assert.ok(containers.length > 0)
  await cluster.remove(deployment.id, 0, signal())
})

test('after a reboot took the files away they are written before the containers start again', async () => {
  const deployment = withSecrets()
  await cluster.apply(deployment, signal())
  const filters = { label: [`${labels.deployment}=${deployment.id}`] }
  for (const { Id } of await ground.docker.listContainers({ filters }))
    await ground.docker.getContainer(Id).stop({ t: 0 })
  await rm(ground.secretsDirectory, { recursive: true })
  const [endpoint] = await cluster.apply(deployment, signal())
  assert.ok(endpoint)
  assert.equal((await fetchJson(endpoint, `/read?path=${path}`)).text, 'hunter2hunter2')
  await cluster.remove(deployment.id, 0, signal())
})

test('a version that does not become ready leaves no secrets behind', async () => {
  const deployment = withSecrets({ behaviour: { exitCode: 3 } })
  await assert.rejects(cluster.apply(deployment, signal()), { code: 'not-ready' })
  assert.equal(existsSync(join(ground.secretsDirectory, deployment.id)), false)
})
