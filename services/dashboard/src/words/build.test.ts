import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BuildView } from '@slipway/client'
import { gistOf, titleOf } from './build.ts'

test('of a reason with the end of a log in it the first line is told in lists', () => {
  assert.equal(gistOf('it exited with code 1\nits last log lines:\n    at Module._compile'), 'it exited with code 1')
  assert.equal(gistOf(''), '')
})

test('a build is called as its commit says, or by the folder that was sent, or by what began it', () => {
  const build = { repository: 'api/carol/shop', ref: 'refs/heads/main', trigger: 'api', message: null } as BuildView
  assert.equal(titleOf(build), 'The folder shop')
  assert.equal(titleOf({ ...build, message: 'Say hello' }), 'Say hello')
  assert.equal(titleOf({ ...build, repository: 'alice/shop', trigger: 'head' }), 'main: found at the head')
})
