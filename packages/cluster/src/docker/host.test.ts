import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertConstraints, type HostFacts } from './host.ts'

const host: HostFacts = { cpus: 2, os: 'linux', architecture: 'amd64', name: 'machine', labels: { disk: 'ssd' } }

test('constraints that hold are passed, in the words of Swarm and of Kubernetes', () => {
  assertConstraints(
    [
      'node.platform.os==linux',
      ' node.platform.arch == amd64 ',
      'node.labels.disk==ssd',
      'engine.labels.disk != hdd',
      'node.labels.gpu != yes',
      'node.hostname==machine',
      'kubernetes.io/arch=amd64'
    ],
    host
  )
})

test('one that does not hold is refused with what is the case here', () => {
  for (const [constraint, actual] of [
    ['node.platform.os==windows', 'linux'],
    ['node.labels.disk!=ssd', 'ssd'],
    ['node.labels.gpu==yes', ''],
    ['kubernetes.io/arch=arm64', 'amd64']
  ] as const) {
    assert.throws(() => assertConstraints([constraint], host), {
      code: 'unsupported',
      message: `the constraint "${constraint}" does not hold on this machine, where it is "${actual}"`
    })
  }
})

test('one that is not understood is refused, never passed over', () => {
  for (const constraint of ['node.role==manager', 'com.example/zone=a', 'fast', '', '==', 'node.platform.os=~linux']) {
    assert.throws(() => assertConstraints([constraint], host), { code: 'unsupported' }, constraint)
  }
})
