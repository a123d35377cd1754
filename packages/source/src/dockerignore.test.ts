import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDockerignore } from './dockerignore.ts'

function kept(rules: string, paths: string[]): string[] {
  const { isIgnored } = parseDockerignore(rules)
  return paths.filter((path) => !isIgnored(path))
}

test('patterns are anchored at the root', () => {
  assert.deepEqual(kept('node_modules\n*.log', ['node_modules/a', 'x/node_modules/a', 'a.log', 'x/a.log']), [
    'x/node_modules/a',
    'x/a.log'
  ])
  assert.deepEqual(kept('**/node_modules\n**/*.log', ['node_modules/a', 'x/node_modules/a', 'a.log', 'x/a.log', 'b']), [
    'b'
  ])
  assert.deepEqual(kept('/a\n./b/\nc/../d', ['a', 'b/x', 'd', 'x/a']), ['x/a'])
})

test('the last pattern that matches a path or a folder above it decides', () => {
  assert.deepEqual(kept('*\n!src', ['Makefile', 'src/a', 'src/b/c']), ['src/a', 'src/b/c'])
  assert.deepEqual(kept('docs\n!docs/README.md', ['docs/a.md', 'docs/README.md']), ['docs/README.md'])
  assert.deepEqual(kept('*.md\n!README.md\nREADME.md', ['README.md', 'a.md', 'b']), ['b'])
})

test('comments, empty lines and patterns that lead out mean nothing, letters count as written', () => {
  assert.deepEqual(kept('# a\n\n  \n../b\n.\n', ['a', 'b']), ['a', 'b'])
  assert.deepEqual(kept('Secret', ['secret', 'Secret']), ['secret'])
  assert.deepEqual(kept('a?c\n[x-z]\r\n', ['abc', 'ac', 'y', 'w']), ['ac', 'w'])
})
