import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deploymentOf } from '@slipway/testing'
import { pathOrigin, readyLimitMs } from './readiness.ts'

const { readiness } = deploymentOf().spec

test('thresholds of its own may give a function more time than is set, and never less', () => {
  const own = { ...readiness, initialDelayMs: 3000, periodMs: 1000, failureThreshold: 10 }
  assert.deepEqual([readyLimitMs(own, 60_000), readyLimitMs(own, 5000)], [60_000, 13_000])
})

test('what changes the path is told, unless that is where it comes from', () => {
  const annotation = 'annotation com.openfaas.ready.http.path'
  assert.equal(pathOrigin({ ...readiness, pathSource: 'x' }), `the path comes from x; ${annotation} changes it`)
  assert.equal(pathOrigin({ ...readiness, pathSource: annotation }), `the path comes from ${annotation}`)
})
