import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { assertRefused, entry, onlyFunction, parse } from './stack.fixture.ts'
import { substitute } from './substitution.ts'

const variables = { NAME: 'value', EMPTY: '', NESTED: '${NAME}' }

test('a variable and its default are put in once', () => {
  const cases: Record<string, string> = {
    'a ${NAME} b': 'a value b',
    '${NAME}${NAME}': 'valuevalue',
    '${NOT_SET:-default}': 'default',
    '${NOT_SET:-}': '',
    '${EMPTY:-default}': 'default',
    '${NAME:-default}': 'value',
    '${NESTED}': '${NAME}',
    '$${NAME}': '${NAME}',
    '$NAME costs $5': '$NAME costs $5',
    '${NOT_SET:-a:-b}': 'a:-b'
  }
  for (const [text, expected] of Object.entries(cases)) {
    assert.deepEqual(substitute(text, variables), { text: expected, missing: [], problem: null }, text)
  }
})

test('a variable that is not set is told, and empty', () => {
  assert.deepEqual(substitute('a${NOPE}b', variables), { text: 'ab', missing: ['NOPE'], problem: null })
  assert.deepEqual(substitute('${constructor}', variables).missing, ['constructor'])
  const { warnings } = parse(entry('environment:', '  A: ${NOPE}'))
  assert.match(warnings[0]?.message ?? '', /environment\.A: the build variable NOPE is not set/)
})

test('an expression that is neither form is an error at its place', () => {
  for (const text of ['${', '${}', '${A', '${A-b}', '${A:=b}', '${1}', '${A:-${B}}']) {
    assert.notEqual(substitute(text, variables).problem, null, text)
    assertRefused(entry(`fprocess: "${text}"`), 'invalid-stack', '5:15', /is not \$\{NAME\} or \$\{NAME:-default\}/)
  }
})

test('one rule holds everywhere: names, values and the items of lists', () => {
  const stack = parse(
    `functions:
  "\${F}":
    lang: \${LANG:-node}
    handler: ./\${F}
    labels: { topic: "\${F}" }
    limits: { memory: "\${MEMORY}" }
    secrets: ["\${F}-secret"]
configuration:
  copy: ["\${F}/shared"]
`,
    { variables: { F: 'hello', MEMORY: '64Mi' } }
  )
  const fn = onlyFunction(stack)
  assert.equal(fn.name, 'hello')
  assert.equal(fn.build?.lang.value, 'node')
  assert.equal(fn.build?.handler.value, './hello')
  assert.deepEqual(fn.spec.labels, { topic: 'hello' })
  assert.equal(fn.spec.limits.memoryBytes, 64 * 1024 ** 2)
  assert.deepEqual(fn.spec.secrets, ['hello-secret'])
  assert.equal(stack.copy[0]?.value, 'hello/shared')
})

test('a variable cannot bring in structure, nor a second function of the same name', () => {
  const { spec } = onlyFunction(parse(entry('environment:', '  A: ${X}'), { variables: { X: 'a\n  B: c' } }))
  assert.deepEqual(spec.environment, { A: 'a\n  B: c' })
  const text = 'functions:\n  a: { lang: node, handler: . }\n  "${X}": { lang: node, handler: . }\n'
  assertRefused(text, 'invalid-stack', '3:3', /"a" is here twice/, { variables: { X: 'a' } })
})

test('what does not hold a dollar sign stays as it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll('$', '')
      assert.deepEqual(substitute(plain, variables), { text: plain, missing: [], problem: null })
    })
  )
})

test("a function's own build variables count in its entry alone, over the repository's", () => {
  const text = ['a', 'b']
    .map((name) => `  ${name}: { lang: node, handler: ./x, environment: { V: "\${V:-none}", W: "\${W}" } }\n`)
    .join('')
  const options = {
    variables: { V: 'repository', W: 'w' },
    functionVariables: { a: { V: 'function' }, gone: { V: 'x' } }
  }
  const { functions, warnings } = parse(`functions:\n${text}`, options)
  assert.deepEqual(
    functions.map(({ spec }) => spec.environment),
    [
      { V: 'function', W: 'w' },
      { V: 'repository', W: 'w' }
    ]
  )
  assert.deepEqual(warnings, [])
})

test('a build variable that the policy allows is a build argument, over the one of the stack', () => {
  const variables = { NODE_VERSION: '24', HTTP_PROXY: 'http://evil.test', OTHER: 'x' }
  const text = entry('build_args:', '  NODE_VERSION: "22"', '  GO_VERSION: "1"')
  assert.deepEqual(onlyFunction(parse(text, { variables })).build?.arguments, { NODE_VERSION: '24', GO_VERSION: '1' })
})
