import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from '../stack/stack.fixture.ts'
import { withoutSyntaxDirective } from './syntax.ts'

test('Docker’s own frontends are left to the engine, others are refused', () => {
  assert.deepEqual(withoutSyntaxDirective('FROM a\n# syntax=evil\n'), {
    text: 'FROM a\n# syntax=evil\n',
    isRemoved: false
  })
  for (const line of [
    '# syntax=docker/dockerfile:1',
    '#syntax = docker.io/docker/dockerfile:1.4',
    '\ufeff# syntax=docker/dockerfile',
    '# SYNTAX=docker/dockerfile:1-labs'
  ]) {
    assert.deepEqual(withoutSyntaxDirective(`${line}\nFROM a`), { text: '#\nFROM a', isRemoved: true }, line)
  }
  for (const text of [
    '# syntax=evil',
    '#!/x\n# syntax=evil',
    '# escape=`\n# syntax=evil/docker/dockerfile:1',
    '// syntax=evil',
    '#\n# SynTax = evil\r\nFROM a'
  ]) {
    assert.equal(failureOf(() => withoutSyntaxDirective(text)).code, 'unsupported', text)
  }
})
