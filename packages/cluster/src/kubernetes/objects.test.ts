import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { deploymentOf } from '@slipway/testing'
import { deploymentObject, disruptionBudgetOf, objectName, secretOf, serviceName, serviceOf } from './objects.ts'
import type { KubernetesPolicy } from './owned-object.ts'
import { namespaceOf, ownerObjects } from './owner-objects.ts'
import { placementOf } from './placement.ts'

const policy: KubernetesPolicy = {
  installation: 'i1',
  gateway: [{ ipBlock: { cidr: '10.0.0.1/32' } }],
  egress: 'public',
  quota: { cpuMillis: 4000, memoryBytes: 1024 ** 3, pods: 20 },
  podAnnotations: { 'linkerd.io/inject': 'enabled' },
  ingress: null,
  inner: null
}

const podOf = (change: Parameters<typeof deploymentOf>[0], own = policy) => {
  const template = deploymentObject(deploymentOf(change), 2, own, { hasRegistries: false, hostAliases: [] }).spec
    ?.template
  assert.ok(template?.spec)
  return { metadata: template.metadata, spec: template.spec }
}

test('a function gets no right that it does not need', () => {
  const { spec } = podOf({})
  assert.equal(spec.automountServiceAccountToken, false)
  assert.equal(spec.enableServiceLinks, false)
  assert.deepEqual(spec.securityContext?.seccompProfile, { type: 'RuntimeDefault' })
  assert.equal(spec.securityContext?.runAsNonRoot, true)
  const [container] = spec.containers
  assert.deepEqual(container?.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] }
  })
})

test('the labels that we look for cannot be set by a repository', () => {
  const { metadata } = podOf({
    labels: { 'com.slipway.installation': 'theirs', 'com.slipway.deployment': 'theirs', topic: 'payments' }
  })
  assert.equal(metadata?.labels?.['com.slipway.installation'], 'i1')
  assert.notEqual(metadata.labels['com.slipway.deployment'], 'theirs')
  assert.equal(metadata.labels.topic, 'payments')
})

test('a value that no label may have is told as an annotation', () => {
  const { metadata } = podOf({ labels: { 'com.openfaas.cloud.git-branch': 'feature/x' } })
  assert.equal(metadata?.labels?.['com.openfaas.cloud.git-branch'], undefined)
  assert.equal(metadata?.annotations?.['com.openfaas.cloud.git-branch'], 'feature/x')
})

test('a value of the environment is taken as written', () => {
  const { spec } = podOf({ spec: { environment: { GREETING: '$(HOME)' } } })
  assert.deepEqual(
    spec.containers[0]?.env?.find(({ name }) => name === 'GREETING'),
    { name: 'GREETING', value: '$$(HOME)' }
  )
})

const made = { metadata: { name: 'hello-1', uid: 'u1' } }

test('the cluster takes the parts of a deployment away with it, and one that is never ready keeps no node from being drained', () => {
  const deployment = deploymentOf({ secrets: [{ name: 'api', versionId: 'v1' }] })
  const budget = disruptionBudgetOf(deployment, policy, made)
  const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'hello-1', uid: 'u1' }
  for (const part of [budget, secretOf(deployment, policy, new Map(), made)]) {
    assert.ok(part.kind === 'PodDisruptionBudget' || part.kind === 'Secret')
    assert.deepEqual(part.metadata.ownerReferences, [reference])
  }
  assert.ok(budget.kind === 'PodDisruptionBudget')
  assert.deepEqual(budget.spec, {
    maxUnavailable: 1,
    selector: { matchLabels: { 'com.slipway.deployment': deployment.id } },
    unhealthyPodEvictionPolicy: 'AlwaysAllow'
  })
})

test('secrets are files that can be read only, and nothing of them is in the environment', () => {
  const deployment = deploymentOf({ secrets: [{ name: 'api', versionId: 'v1' }] })
  const secret = secretOf(deployment, policy, new Map([['key', Buffer.from('s3cret')]]), made)
  assert.equal(secret.kind === 'Secret' && secret.data?.key, Buffer.from('s3cret').toString('base64'))
  const { spec } = podOf({ id: deployment.id, secrets: deployment.secrets })
  assert.deepEqual(
    spec.containers[0]?.volumeMounts?.find(({ name }) => name === 'secrets'),
    { name: 'secrets', mountPath: '/var/openfaas/secrets', readOnly: true }
  )
  assert.ok(!JSON.stringify(spec).includes('s3cret'))
})

test("in come the gateway and the owner's own functions, out goes nothing to private addresses", () => {
  const network = ownerObjects('alice', policy, null).find(({ kind }) => kind === 'NetworkPolicy')
  assert.ok(network?.kind === 'NetworkPolicy')
  assert.deepEqual(network.spec?.ingress, [
    { _from: [{ podSelector: {} }, ...policy.gateway], ports: [{ port: 8080, protocol: 'TCP' }] }
  ])
  const outward = network.spec?.egress?.[0]?.to?.find(({ ipBlock }) => ipBlock?.cidr === '0.0.0.0/0')
  assert.ok(outward?.ipBlock?.except?.includes('169.254.0.0/16'))
})

test('where functions call by the gateway’s names they reach that port of it alone, and find it in their hosts files', () => {
  const inner = { gateway: { address: '10.0.0.9' }, port: 8085 }
  const network = ownerObjects('alice', { ...policy, inner }, null).find(({ kind }) => kind === 'NetworkPolicy')
  assert.ok(network?.kind === 'NetworkPolicy')
  const rules = network.spec?.egress?.filter(({ to }) => to?.some(({ ipBlock }) => ipBlock?.cidr === '10.0.0.1/32'))
  assert.deepEqual(rules, [{ to: policy.gateway, ports: [{ port: 8085, protocol: 'TCP' }] }])
  const hostAliases = [{ ip: '10.0.0.9', hostnames: ['gateway'] }]
  const made = deploymentObject(deploymentOf({}), 1, { ...policy, inner }, { hasRegistries: false, hostAliases })
  assert.deepEqual(made.spec?.template.spec?.hostAliases, hostAliases)
  assert.equal(podOf({}).spec.hostAliases, undefined)
})

test('an owner has a quota where there is one, and a restricted namespace', () => {
  const kinds = ownerObjects('alice', policy, '{}').map(({ kind }) => kind)
  assert.deepEqual(kinds.toSorted(), ['LimitRange', 'NetworkPolicy', 'ResourceQuota', 'Secret', 'ServiceAccount'])
  assert.ok(
    !ownerObjects('alice', { ...policy, quota: { cpuMillis: null, memoryBytes: null, pods: null } }, null).some(
      ({ kind }) => kind === 'ResourceQuota'
    )
  )
  const { metadata } = namespaceOf('alice', policy)
  assert.equal(metadata.name, 'slipway-alice')
  assert.equal(metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted')
})

test('names stay below what pods may have', () => {
  const name = objectName({ functionName: 'a'.repeat(60), id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b' })
  assert.ok(name.length <= 46)
  assert.match(name, /^a+-0c1d2e3f4a5b$/)
})

test('constraints become labels of nodes, in both ways of writing', () => {
  assert.deepEqual(placementOf(['kubernetes.io/arch=arm64', 'node.platform.os == linux']), {
    nodeSelector: { 'kubernetes.io/arch': 'arm64', 'kubernetes.io/os': 'linux' }
  })
  const { affinity } = placementOf(['node.labels.disk != hdd'])
  const [term] = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  assert.deepEqual(term?.matchExpressions, [{ key: 'disk', operator: 'NotIn', values: ['hdd'] }])
  assert.throws(
    () => placementOf(['as you like']),
    (err: unknown) => err instanceof Failure && err.code === 'unsupported'
  )
})

test('what an owner may use is limited by what the administrator set, and by nothing else', () => {
  const quotaOf = (quota: KubernetesPolicy['quota']) =>
    ownerObjects('alice', { ...policy, quota }, null).flatMap((object) =>
      object.kind === 'ResourceQuota' ? [object.spec?.hard] : []
    )
  assert.deepEqual(quotaOf({ cpuMillis: 500, memoryBytes: null, pods: 3 }), [{ 'limits.cpu': '500m', pods: '3' }])
  assert.deepEqual(quotaOf({ cpuMillis: null, memoryBytes: null, pods: null }), [])
})

test('a service leads to the versions of one function of this installation, by a name that may be one', () => {
  const service = serviceOf(deploymentOf({ functionName: 'hello' }), policy)
  assert.ok(service.kind === 'Service')
  assert.deepEqual(service.spec?.selector, { 'com.slipway.installation': 'i1', 'com.slipway.function': 'hello' })
  assert.equal(serviceName('hello'), 'hello')
  assert.equal(serviceName('2fast'), 'f-2fast')
})
