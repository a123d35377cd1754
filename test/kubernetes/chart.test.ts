import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AuthorizationV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi, PatchStrategy } from '@kubernetes/client-node'
import {
  attributesOf,
  gatewayPermissions,
  ingressPermissions,
  type Permission,
  permissions
} from '@slipway/cluster/kubernetes-permissions'
import { parseAllDocuments } from 'yaml'
import { openCluster, type TestCluster } from './ground.fixture.ts'

const run = promisify(execFile)
const chart = fileURLToPath(new URL('../../infra/chart', import.meta.url))
const namespace = 'slipway-chart-test'
const values = [
  'image.repository=registry.example.com/slipway',
  'publicUrl=https://slipway.example.com',
  'registry.host=registry.example.com',
  'builder.engine.host=tcp://engine.example.com:2376',
  'ingress.enabled=true',
  'ingress.forEachFunction=true',
  'receiver.autoscaling.enabled=true',
  'api.autoscaling.enabled=true',
  'gateway.autoscaling.enabled=true'
].flatMap((value) => ['--set', value])

/** As it stands in YAML. */
interface PlainObject {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
}

let directory: string
let cluster: TestCluster
const config = new KubeConfig()

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-chart-'))
  cluster = await openCluster(directory)
  config.loadFromFile(cluster.kubeconfig)
  await config.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name: namespace } } })
})
after(async () => {
  await helm('uninstall', 'slipway', '--ignore-not-found')
  await config.makeApiClient(CoreV1Api).deleteNamespace({ name: namespace })
  await cluster.close()
  await rm(directory, { recursive: true, force: true })
})

async function helm(...args: string[]): Promise<string> {
  const program = process.env.SLIPWAY_TEST_HELM
  if (program === undefined) throw new Error('SLIPWAY_TEST_HELM is not set: start with "npm run test:kubernetes"')
  // Nothing of whoever runs the tests: neither repositories nor plugins.
  const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: cluster.kubeconfig }
  return (await run(program, [...args, '--namespace', namespace], { env, maxBuffer: 16 * 1024 * 1024 })).stdout
}

test('the API server takes every object of the chart, and knows every field of it', async () => {
  const api = KubernetesObjectApi.makeApiClient(config)
  const documents = parseAllDocuments(await helm('template', 'slipway', chart, ...values))
  const objects = documents.flatMap((document) => (document.toJS() as PlainObject | null) ?? [])
  assert.ok(objects.length > 30)
  for (const object of objects) {
    const isGlobal = object.kind.startsWith('ClusterRole')
    const body = isGlobal ? object : { ...object, metadata: { ...object.metadata, namespace } }
    await assert.doesNotReject(
      api.patch(body, undefined, 'All', 'slipway-test', true, PatchStrategy.ServerSideApply),
      `${object.kind} ${object.metadata.name}`
    )
  }
})

test('an installation has the rights that the cluster uses, and an upgrade keeps its keys', async () => {
  await helm('install', 'slipway', chart, ...values)
  const core = config.makeApiClient(CoreV1Api)
  const keys = async () => (await core.readNamespacedSecret({ name: 'slipway-keys', namespace })).data
  const made = await keys()
  await helm('upgrade', 'slipway', chart, ...values, '--set', 'api.replicas=3')
  assert.deepEqual(await keys(), made)

  const authorization = config.makeApiClient(AuthorizationV1Api)
  const deployer = `system:serviceaccount:${namespace}:slipway-deployer`
  const isAllowed = async (permission: Permission, where: string | null, user = deployer) => {
    const resourceAttributes = attributesOf(permission, where)
    const { status } = await authorization.createSubjectAccessReview({ body: { spec: { user, resourceAttributes } } })
    return status?.allowed
  }
  for (const permission of permissions)
    assert.equal(await isAllowed(permission, null), true, JSON.stringify(permission))
  for (const permission of ingressPermissions) {
    assert.equal(await isAllowed(permission, namespace), true, JSON.stringify(permission))
    assert.equal(await isAllowed(permission, null), false, JSON.stringify(permission))
  }

  const gateway = `system:serviceaccount:${namespace}:slipway-gateway`
  for (const permission of gatewayPermissions)
    assert.equal(await isAllowed(permission, null, gateway), true, JSON.stringify(permission))
  for (const resource of ['pods', 'secrets'])
    assert.equal(await isAllowed({ group: '', resource, verb: 'list' }, null, gateway), false, resource)

  await helm('uninstall', 'slipway')
  assert.deepEqual(await keys(), made)
  await helm('install', 'slipway', chart, ...values)
  assert.deepEqual(await keys(), made)
})
