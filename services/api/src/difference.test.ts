import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deploymentOf } from '@slipway/testing'
import { differencesOf } from './difference.ts'

const commit = 'a'.repeat(40)

test('two deployments differ in commit, image and configuration, each told by name', () => {
  const before = deploymentOf({ commit, spec: { labels: { team: 'red' }, environment: { MODE: 'slow' } } })
  const after = deploymentOf({ commit: null, replicas: 2, spec: { environment: { MODE: 'fast', MORE: '1' } } })
  assert.deepEqual(differencesOf(before, after), [
    { name: 'commit', before: commit, after: null },
    { name: 'replicas', before: '1', after: '2' },
    { name: 'label team', before: 'red', after: null },
    { name: 'variable MODE', before: 'slow', after: 'fast' },
    { name: 'variable MORE', before: null, after: '1' }
  ])
})

test('values that an owner set and secrets are told as other ones, never by value', () => {
  const ofValue = (value: string, versionId: string) => {
    const spec = { environment: { KEY: value, HOST: 'declared' } }
    return deploymentOf({ spec, declaredEnvironment: { HOST: 'declared' }, secrets: [{ name: 'db', versionId }] })
  }
  const told = differencesOf(ofValue('hush-1', 'v1'), ofValue('hush-2', 'v2'))
  assert.deepEqual(told, [
    { name: 'variable KEY', before: 'a value set outside of git', after: 'another value set outside of git' },
    { name: 'secret db', before: 'a version', after: 'another version' }
  ])
  assert.doesNotMatch(JSON.stringify(told), /hush|v1|v2/)
})

test('the same deployment twice has no differences', () => {
  assert.deepEqual(differencesOf(deploymentOf(), deploymentOf()), [])
})
