import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { createCheckParts } from './check-parts.ts'

const signal = new AbortController().signal
const cluster = {
  kind: 'docker' as const,
  list: async () => [],
  check: async () => [{ name: 'isolation', isOk: false, detail: 'it does not hold' }]
}

test('the registry and the cluster are asked, and what holds in the cluster only when it is to be tried', async () => {
  const asked: string[] = []
  const registry = { ping: async (host: string) => void asked.push(host) }
  const checkParts = createCheckParts({ cluster, registry, registryHost: 'registry:5000' })
  assert.deepEqual(await checkParts(false, signal), [
    { name: 'registry', isOk: true, detail: 'registry:5000 answers' },
    { name: 'docker', isOk: true, detail: 'it answers; deployments that run there: 0' }
  ])
  assert.deepEqual((await checkParts(true, signal))[1], { name: 'isolation', isOk: false, detail: 'it does not hold' })
  assert.deepEqual(asked, ['registry:5000', 'registry:5000'])
})

test('what is away says so, and the other is told', async () => {
  const registry = { ping: () => Promise.reject(new Failure('unavailable', 'the registry does not answer')) }
  const away = { ...cluster, list: () => Promise.reject(new TypeError('something with a secret in it')) }
  const findings = await createCheckParts({ cluster: away, registry, registryHost: 'r' })(false, signal)
  assert.deepEqual(findings, [
    { name: 'registry', isOk: false, detail: 'the registry does not answer' },
    { name: 'docker', isOk: false, detail: 'it did not answer in time' }
  ])
})
