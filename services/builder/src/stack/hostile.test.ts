import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import * as fc from 'fast-check'
import { assertRefused, entry, failureOf, parse } from './stack.fixture.ts'

const full = 256 * 1024

test('an alias bomb is an error with its place, in no time', () => {
  const levels = Array.from(
    { length: 30 },
    (_, index) =>
      `    l${index}: &l${index} [${Array(9)
        .fill(`*l${index - 1}`)
        .join(', ')}]`
  )
  const text = `functions:\n  a:\n    lang: node\n    handler: .\n    environment: &l-1 { x: y }\n${levels.join('\n')}\n`
  assertRefused(text, 'invalid-stack', '6:5', /unknown field "l0"/)
  const merged = ['x-0: &m0 { a: b }']
  for (let index = 1; index < 30; index++)
    merged.push(
      `x-${index}: &m${index}\n  <<: [${Array(20)
        .fill(`*m${index - 1}`)
        .join(', ')}]`
    )
  merged.push('functions:\n  a:\n    lang: node\n    handler: .\n    environment: *m7\n')
  const failure = failureOf(() => parse(merged.join('\n')))
  assert.equal(failure.code, 'invalid-stack')
  assert.match(failure.message, /^stack\.yml:\d+:\d+: .*(?:more than 50000 values|too deep)/)
})

test('anchors that hold themselves are errors', () => {
  assertRefused('functions: &a\n  <<: *a\n', 'invalid-stack', '2:3', /merge keys go round/)
  assertRefused('functions: &a\n  x: *a\n', 'invalid-stack', '2:3', /unknown field "x"|lang: expected/)
  assertRefused(entry('secrets: &s [*s]'), 'invalid-stack', '5:18', /expected text, found a list/)
  assertRefused(entry('environment: *nowhere'), 'invalid-stack', '5:18', /anchor|nowhere/)
})

test('tags, tabs, duplicate keys, directives and second documents are errors with their place', () => {
  assertRefused(entry('fprocess: !!js/function "x"'), 'invalid-stack', '5:29', /the tag ".*js\/function" is not read/)
  assertRefused(entry('fprocess: !!python/object/apply:os.system [id]'), 'invalid-stack', '5:47', /is not read/)
  assertRefused(entry('fprocess: !!binary aGk='), 'invalid-stack', '5:24', /is not read/)
  assertRefused('functions:\n\ta: b\n', 'invalid-stack', '2:1', /tab/i)
  assertRefused(entry('lang: python'), 'invalid-stack', '5:5', /"lang" is here twice/)
  assertRefused(`%YAML 1.1\n---\n${entry()}`, 'invalid-stack', '1:1', /directives/)
  assertRefused(`${entry()}---\na: b\n`, 'invalid-stack', '5:1', /second document/)
  assertRefused('functions: [', 'invalid-stack', '1:13', /flow|end/i)
  assertRefused(entry('fprocess: "a'), 'invalid-stack', '6:1', /quote/)
  assertRefused('? [a, b]\n: c\n', 'invalid-stack', '1:3', /keys are text/)
})

test('characters that do not belong into a text file are errors with their place', () => {
  assertRefused(entry('fprocess: a\u0000b'), 'invalid-stack', '5:16', /character/)
  assertRefused(entry('fprocess: a\u001b[31mb'), 'invalid-stack', '5:16', /character/)
  assertRefused(entry('fprocess: a\ufeffb'), 'invalid-stack', '5:16', /character/)
  assertRefused(entry('fprocess: "\\ud800"'), 'invalid-stack', '5:15', /control character/)
  assert.equal(parse(`\ufeff${entry('environment: { A: 😀 }')}`).functions[0]?.spec.environment.A, '😀')
})

test('more than 256 KiB are refused before anything is read', () => {
  assertRefused(`${entry()}${'#'.repeat(10 * 1024 * 1024)}`, 'invalid-stack', '1:1', /larger than 256 KiB/)
})

const floods: Record<string, string> = {
  'open brackets': '['.repeat(full),
  'nested flow maps': '{a: '.repeat(full / 4),
  'nested lists': '- '.repeat(full / 2),
  'explicit keys': '? '.repeat(full / 2),
  'closing brackets': ']'.repeat(full),
  commas: `[${','.repeat(full - 1)}`,
  quotes: '"'.repeat(full),
  tags: '!a '.repeat(full / 3),
  'anchors without values': '&a '.repeat(full / 3),
  stars: '*'.repeat(full),
  documents: '---\n'.repeat(full / 4),
  directives: '%TAG ! x\n'.repeat(full / 9),
  keys: Array.from({ length: full / 8 }, (_, index) => `k${String(index).padStart(5, '0')}:`).join('\n'),
  'errors on every line': 'a: b: c\n'.repeat(full / 8),
  aliases: `a: &a x\nb:\n${'- *a\n'.repeat(full / 5 - 3)}`,
  'deep indentation': Array.from({ length: 700 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
  'line feeds': '\n'.repeat(full),
  comments: '# a\n'.repeat(full / 4),
  'escaped text': `"${'\\x41'.repeat(full / 4 - 1)}"`,
  'folded text': `a: ${'b\n '.repeat(full / 3 - 2)}`,
  expressions: `functions: "${'${'.repeat(full / 2 - 10)}"`,
  'long expressions': `functions: "${'${A:-'.repeat(full / 5 - 10)}"`
}
for (const [name, text] of Object.entries(floods)) {
  test(`a flood of ${name} is an error with its place, in under a second`, () => {
    assert.ok(Buffer.byteLength(text) <= full)
    const start = process.cpuUsage()
    const failure = failureOf(() => parse(text))
    const { user, system } = process.cpuUsage(start)
    assert.match(failure.message, /^stack\.yml:\d+:\d+: /)
    assert.ok((user + system) / 1000 < 1000, `took ${(user + system) / 1000} ms`)
  })
}

const words = [
  'functions:',
  'lang:',
  'handler:',
  'environment:',
  'labels:',
  'limits:',
  '- ',
  '? ',
  ': ',
  '&a ',
  '*a',
  '<<: ',
  '!!js/function ',
  '${',
  '}',
  '${A:-b}',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '|',
  '>',
  '\n',
  '\n  ',
  '\n    ',
  '\t',
  '#',
  '%',
  '---\n',
  '...\n',
  '\\',
  '\0',
  'a',
  '1.0',
  '\ufeff',
  '😀',
  '\ud800',
  'configuration:',
  'copy:',
  'skip_build: true',
  'com.openfaas.scale.min: 3',
  'memory: 1Gi',
  '~',
  '__proto__:'
]

test('whatever is in the file, the answer is a stack or a Failure with its place', () => {
  const pieces = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 6, unit: 'binary' })), {
    maxLength: 60
  })
  fc.assert(
    fc.property(pieces, (parts) => onlyForeseen(parts.join(''))),
    { numRuns: 3000 }
  )
})

test('a good file with one piece put in or taken out is a stack or a Failure with its place', () => {
  const good = entry(
    'environment: { a: "b" }',
    'labels:',
    '  com.openfaas.scale.min: 2',
    'limits:',
    '  memory: 64Mi',
    'secrets: [a]'
  )
  const change = fc.record({
    at: fc.nat({ max: good.length }),
    cut: fc.nat({ max: 12 }),
    put: fc.constantFrom('', ...words)
  })
  fc.assert(
    fc.property(change, ({ at, cut, put }) => onlyForeseen(good.slice(0, at) + put + good.slice(at + cut))),
    { numRuns: 2000 }
  )
})

function onlyForeseen(text: string): void {
  try {
    parse(text, { variables: { A: 'x\n- y' } })
  } catch (err) {
    assert.ok(err instanceof Failure, err instanceof Error ? err.stack : String(err))
    assert.match(err.message, /^stack\.yml:\d+:\d+: /)
    assert.ok(err.location !== undefined && err.location.line >= 1 && err.location.column >= 1)
  }
}
