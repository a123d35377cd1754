import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  gatewayPermissions,
  ingressPermissions,
  type Permission,
  permissions
} from '@slipway/cluster/kubernetes-permissions'
import { parseKeyring } from '@slipway/secrets'
import { parseAllDocuments } from 'yaml'

const run = promisify(execFile)
const chart = fileURLToPath(new URL('../../infra/chart', import.meta.url))

/** What has to be set in any case. */
const least = {
  'image.repository': 'registry.example.com/slipway',
  publicUrl: 'https://slipway.example.com',
  'registry.host': 'registry.example.com/functions',
  'builder.engine.host': 'tcp://engine.example.com:2376'
}

interface Container {
  name: string
  restartPolicy?: string
  args?: string[]
  env?: { name: string; value?: string }[]
  securityContext: {
    readOnlyRootFilesystem?: boolean
    privileged?: boolean
    runAsGroup?: number
    capabilities?: { drop: string[] }
  }
  resources?: { limits?: { memory?: string } }
  volumeMounts?: { name: string; mountPath: string }[]
}

interface Pod {
  serviceAccountName: string
  automountServiceAccountToken: boolean
  securityContext: { runAsNonRoot: boolean; fsGroupChangePolicy?: string; supplementalGroups?: number[] }
  initContainers?: Container[]
  containers: Container[]
  volumes: { name: string; secret?: { items?: { key: string }[] } }[]
}

interface KubernetesObject {
  kind: string
  metadata: { name: string; annotations?: Record<string, string> }
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[]
  data?: Record<string, string>
  spec?: {
    template?: { spec: Pod }
    triggers?: { metadata: { query: string } }[]
    rules?: { host: string }[]
    ports?: object[]
    ingress?: object[]
  }
}

async function helm(...args: string[]): Promise<string> {
  const program = process.env.SLIPWAY_TEST_HELM
  if (program === undefined) throw new Error('SLIPWAY_TEST_HELM is not set: start with "npm run test:ship"')
  return (await run(program, args, { maxBuffer: 16 * 1024 * 1024 })).stdout
}

const set = (values: Record<string, string>) =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])

async function render(values: Record<string, string> = {}): Promise<KubernetesObject[]> {
  const text = await helm('template', 'slipway', chart, '--namespace', 'slipway', ...set({ ...least, ...values }))
  return parseAllDocuments(text).flatMap((document) => {
    assert.deepEqual(document.errors, [])
    const object = document.toJS() as KubernetesObject | null
    return object === null ? [] : [object]
  })
}

const of = (objects: KubernetesObject[], kind: string) => objects.filter((object) => object.kind === kind)

test('the chart is linted, and what is missing or wrong is named by its own schema', async () => {
  assert.match(await helm('lint', chart, ...set(least)), /0 chart\(s\) failed/)
  const refused = (values: Record<string, string>, message: RegExp) =>
    assert.rejects(helm('template', 'slipway', chart, ...set({ ...least, ...values })), { message })
  await refused({ publicUrl: 'http://slipway.example.com' }, /publicUrl/)
  await refused({ 'image.repository': '' }, /repository/)
  await refused({ 'builder.engine.host': '' }, /a builder needs a Docker engine/)
  await refused({ 'builder.replica': '3' }, /additional properties 'replica'/)
})

test('the deployer gets exactly the rights that the cluster uses, the gateway sees addresses, and no other service gets any', async () => {
  const objects = await render()
  const given = (rendered: KubernetesObject[], kind: string, account = '') =>
    of(rendered, kind).flatMap(({ metadata, rules = [] }) =>
      (metadata.name.endsWith(account) ? rules : []).flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))
        )
      )
    )
  const used = (all: readonly Permission[]) => all.map(({ group, resource, verb }) => `${verb} ${group}/${resource}`)
  assert.deepEqual(given(objects, 'ClusterRole', 'deployer').toSorted(), used(permissions).toSorted())
  assert.deepEqual(given(objects, 'Role'), [])
  const withIngresses = await render({ 'ingress.enabled': 'true', 'ingress.forEachFunction': 'true' })
  assert.deepEqual(given(withIngresses, 'ClusterRole', 'deployer').toSorted(), used(permissions).toSorted())
  assert.deepEqual(given(withIngresses, 'Role').toSorted(), used(ingressPermissions).toSorted())
  assert.deepEqual(given(objects, 'ClusterRole', 'gateway').toSorted(), used(gatewayPermissions).toSorted())
  const without = await render({ 'gateway.inner.enabled': 'false' })
  assert.deepEqual(given(without, 'ClusterRole').toSorted(), used(permissions).toSorted())
  for (const [rendered, accounts] of [
    [objects, ['slipway-deployer', 'slipway-gateway']],
    [without, ['slipway-deployer']]
  ] as const) {
    const pods = [...of(rendered, 'Deployment'), ...of(rendered, 'StatefulSet')]
    const withToken = pods.filter(({ spec }) => spec?.template?.spec.automountServiceAccountToken !== false)
    assert.deepEqual(withToken.map(({ metadata }) => metadata.name).toSorted(), accounts)
    for (const { metadata, spec } of withToken) assert.equal(spec?.template?.spec.serviceAccountName, metadata.name)
  }
})

test('no service runs as root or writes outside of its volumes, and each sees only its own keys', async () => {
  const keysOf: Record<string, string[]> = {}
  for (const { metadata, spec } of of(await render(), 'Deployment')) {
    const pod = spec?.template?.spec
    assert.equal(pod?.securityContext.runAsNonRoot, true)
    for (const { securityContext } of pod.containers) {
      assert.equal(securityContext.readOnlyRootFilesystem, true)
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] })
    }
    const keys = pod.volumes.find(({ name }) => name === 'keys')?.secret?.items ?? []
    keysOf[metadata.name] = keys.map(({ key }) => key).toSorted()
  }
  assert.deepEqual(keysOf, {
    'slipway-deployer': ['encryption.keys', 'internal.crt', 'internal.key', 'sign-in.keys', 'webhook.keys'],
    'slipway-builder': ['internal-ca.crt'],
    'slipway-api': ['accounts.keys', 'admin-token', 'internal-ca.crt'],
    'slipway-receiver': ['webhook.keys'],
    'slipway-gateway': []
  })
})

test("a server's volume is given to its group once: PostgreSQL refuses a directory that others may write in", async () => {
  for (const { metadata, spec } of of(await render(), 'StatefulSet')) {
    assert.equal(spec?.template?.spec.securityContext.fsGroupChangePolicy, 'OnRootMismatch', metadata.name)
  }
})

test('keys are made that the services take, kept by an uninstall, and left alone where somebody brings their own', async () => {
  const [secret] = of(await render(), 'Secret')
  assert.equal(secret?.metadata.annotations?.['helm.sh/resource-policy'], 'keep')
  const textOf = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
  for (const keys of ['encryption.keys', 'webhook.keys', 'sign-in.keys', 'accounts.keys']) {
    assert.equal(parseKeyring(textOf(keys), keys).length, 1)
  }
  assert.match(textOf('admin-token'), /^slw_\w{43}$/)
  assert.match(textOf('internal.crt'), /^-----BEGIN CERTIFICATE-----/)
  assert.deepEqual(of(await render({ 'keys.existingSecret': 'ours' }), 'Secret'), [])
})

test('functions reach one port of the gateway by its names, and both services know where', async () => {
  const objects = await render()
  const settingsOf = (rendered: KubernetesObject[], service: string) => {
    const found = of(rendered, 'Deployment').find(({ metadata }) => metadata.name === `slipway-${service}`)
    const env = found?.spec?.template?.spec.containers[0]?.env ?? []
    return env.flatMap(({ name, value }) => (name.includes('INNER') ? [`${name}=${value}`] : [])).toSorted()
  }
  const inner = ['INNER_PORT=8085', 'KUBERNETES_INNER_GATEWAY=slipway/slipway-inner']
  for (const service of ['deployer', 'gateway']) assert.deepEqual(settingsOf(objects, service), inner)
  const service = of(objects, 'Service').find(({ metadata }) => metadata.name === 'slipway-inner')
  assert.deepEqual(service?.spec?.ports, [{ name: 'inner', port: 8080, targetPort: 'inner' }])
  const policy = of(objects, 'NetworkPolicy').find(({ metadata }) => metadata.name === 'slipway-gateway')
  const namespaces = { matchExpressions: [{ key: 'com.slipway.installation', operator: 'Exists' }] }
  assert.deepEqual(policy?.spec?.ingress?.[1], {
    ports: [{ port: 'inner' }],
    from: [{ namespaceSelector: namespaces }]
  })
  const without = await render({ 'gateway.inner.enabled': 'false' })
  for (const name of ['deployer', 'gateway']) assert.deepEqual(settingsOf(without, name), [])
  assert.ok(!of(without, 'Service').some(({ metadata }) => metadata.name === 'slipway-inner'))
})

test('what may be elsewhere is left out, and what may be added is added', async () => {
  const few = await render({ 'redis.existingSecret': 'redis', 'postgresql.existingSecret': 'postgresql' })
  assert.deepEqual(of(few, 'StatefulSet'), [])
  const many = await render({
    'ingress.enabled': 'true',
    'receiver.autoscaling.enabled': 'true',
    'api.autoscaling.enabled': 'true',
    'gateway.autoscaling.enabled': 'true',
    'builder.keda.enabled': 'true',
    'builder.keda.prometheus': 'http://prometheus.example.com'
  })
  assert.equal(of(many, 'Ingress').length, 2)
  assert.equal(of(many, 'HorizontalPodAutoscaler').length, 3)
  const [scaled] = of(many, 'ScaledObject')
  assert.match(
    scaled?.spec?.triggers?.[0]?.metadata.query ?? '',
    /slipway_builds\{namespace="slipway",status=~"queued\|building"\}/
  )
  const each = { 'ingress.enabled': 'true', 'ingress.forEachFunction': 'true', 'ingress.className': 'nginx' }
  const settingsOf = (objects: KubernetesObject[], name: string) =>
    of(objects, 'Deployment')
      .find(({ metadata }) => metadata.name === name)
      ?.spec?.template?.spec.containers[0]?.env?.map(({ name: setting, value }) => `${setting}=${value}`) ?? []
  const ofEach = await render({ ...each, 'ingress.functionsTlsSecret': 'functions-{owner}' })
  const settings = settingsOf(ofEach, 'slipway-deployer')
  assert.ok(settings.includes('KUBERNETES_INGRESS=slipway/slipway-gateway:80'))
  assert.ok(settings.includes('KUBERNETES_INGRESS_CLASS=nginx'))
  assert.ok(settings.includes('KUBERNETES_INGRESS_TLS_SECRET=functions-{owner}'))
  assert.ok(!settingsOf(many, 'slipway-deployer').some((setting) => setting.startsWith('KUBERNETES_INGRESS')))
  const hosts = (objects: KubernetesObject[]) =>
    of(objects, 'Ingress').flatMap(({ spec }) => spec?.rules?.map(({ host }) => host) ?? [])
  assert.ok(hosts(many).includes('*.functions.example.com'))
  assert.ok(!hosts(ofEach).includes('*.functions.example.com'))
})

test('an engine beside a builder gives it the socket, keeps its data below a volume, and is held by limits', async () => {
  const objects = await render({ 'builder.engine.sidecar.enabled': 'true' })
  const builder = of(objects, 'Deployment').find(({ metadata }) => metadata.name === 'slipway-builder')
  const pod = builder?.spec?.template?.spec
  assert.deepEqual(
    pod?.containers.map(({ name, securityContext }) => [name, securityContext.privileged]),
    [['builder', undefined]]
  )
  const engine = pod.initContainers?.[0]
  // It begins before the builder and ends after it.
  assert.equal(engine?.restartPolicy, 'Always')
  const args = engine.args ?? []
  // In its user namespace its own group is 0: that is what the builder has to be one of outside.
  assert.ok(args.includes('--group=0'))
  assert.deepEqual(pod.securityContext.supplementalGroups, [engine.securityContext.runAsGroup])
  const [root] = args.flatMap((arg) => arg.match(/^--data-root=(.*)$/)?.[1] ?? [])
  const data = engine.volumeMounts?.find(({ name }) => name === 'engine-data')
  assert.ok(data !== undefined && root?.startsWith(`${data.mountPath}/`))
  assert.match(engine.resources?.limits?.memory ?? '', /^\d+Gi$/)
  const without = of(await render(), 'Deployment')
  for (const { spec } of without) assert.equal(spec?.template?.spec.initContainers, undefined)
})

test("a registry's own authority is known to who asks it, and to the engine beside a builder", async () => {
  const knowing = async (values: Record<string, string>) =>
    of(await render({ 'builder.engine.sidecar.enabled': 'true', ...values }), 'Deployment').flatMap(({ spec }) => {
      const { initContainers = [], containers } = spec?.template?.spec ?? { containers: [] }
      return [...initContainers, ...containers].flatMap(({ name, env = [], volumeMounts = [] }) =>
        volumeMounts.flatMap(({ name: volume, mountPath }) => {
          const told = env.find(({ value = '' }) => value === mountPath || value === `${mountPath}/ca.crt`)
          return volume === 'registry-ca' ? [`${name} ${told?.name}`] : []
        })
      )
    })
  assert.deepEqual(await knowing({}), [])
  const expected = ['builder NODE_EXTRA_CA_CERTS', 'deployer NODE_EXTRA_CA_CERTS', 'engine SSL_CERT_DIR']
  assert.deepEqual((await knowing({ 'registry.caSecret': 'ca' })).toSorted(), expected)
})
