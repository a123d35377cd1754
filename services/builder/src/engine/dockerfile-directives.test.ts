import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { refuseEngineArguments, refuseForeignFrontend } from './dockerfile-directives.ts'

const isRefused = (line: number) => (err: unknown) => {
  assert.ok(err instanceof Failure && err.code === 'unsupported', String(err))
  assert.equal(err.location?.line, line)
  return true
}

test('every way to name a frontend that some version of BuildKit follows is refused with its line', () => {
  const refused: [string, number][] = [
    ['# syntax=docker/dockerfile:1\nFROM scratch\n', 1],
    ['#syntax=x', 1],
    ['#\tSyNtAx\t=\tx\nFROM scratch', 1],
    ['\uFEFF# syntax=x\nFROM scratch', 1],
    ['# escape=`\n# syntax=x\nFROM scratch', 2],
    ['# check=skip=all\r\n#  syntax = x\r\nFROM scratch', 2],
    ['#!/usr/bin/env docker\n# syntax=x\nFROM scratch', 2],
    ['// syntax=x\nFROM scratch', 1],
    ['\n\n# a comment\n# syntax=x\nFROM scratch', 4],
    ['   # syntax=x', 1],
    ['{"syntax": "x"}', 1],
    ['# a\r# syntax=x\nFROM scratch', 2]
  ]
  for (const [dockerfile, line] of refused) {
    assert.throws(() => refuseForeignFrontend(dockerfile, 'Dockerfile'), isRefused(line), JSON.stringify(dockerfile))
  }
})

test('comments, other directives and what stands behind the first instruction are nothing to refuse', () => {
  const allowed = [
    'FROM scratch\n',
    '# escape=`\nFROM scratch\n',
    '# check=skip=all\nFROM scratch\n',
    '# the syntax is plain\nFROM scratch\n',
    '# syntaxes=x\nFROM scratch\n',
    'FROM scratch\n# syntax=x\n',
    ''
  ]
  for (const dockerfile of allowed) refuseForeignFrontend(dockerfile, 'Dockerfile')
})

test('build arguments that steer the engine are refused by name', () => {
  refuseEngineArguments({ NODE_VERSION: '24', SYNTAX: 'x' })
  for (const name of ['BUILDKIT_SYNTAX', 'buildkit_inline_cache', ' BUILDKIT_X']) {
    assert.throws(() => refuseEngineArguments({ [name]: '1' }), { code: 'unsupported' }, name)
  }
})
