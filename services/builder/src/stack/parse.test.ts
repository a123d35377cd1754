import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, entry, onlyFunction, parse } from './stack.fixture.ts'

test('a function that says nothing gets the defaults of OpenFaaS Cloud', () => {
  const { name, clusterName, build, spec } = onlyFunction(parse(entry()))
  assert.equal(name, 'hello')
  assert.equal(clusterName, 'acme-hello')
  assert.equal(build?.lang.value, 'node')
  assert.deepEqual(build?.handler, { value: './hello', at: { path: 'stack.yml', line: 4, column: 14 } })
  assert.deepEqual(spec, {
    name: 'hello',
    environment: {},
    secrets: [],
    labels: {},
    annotations: {},
    limits: { memoryBytes: 128 * 1024 ** 2, cpuMillis: 500 },
    requests: null,
    replicas: { min: 1, max: 4 },
    hasReadonlyRoot: true,
    fprocess: null,
    constraints: [],
    readiness: {
      path: '/_/health',
      pathSource: 'the default',
      initialDelayMs: 0,
      periodMs: 250,
      timeoutMs: 1000,
      successThreshold: 1,
      failureThreshold: 120
    },
    writeTimeoutMs: 60_000
  })
})

test('every field of the OpenFaaS reference is read', () => {
  const stack = parse(`
version: 1.0
provider:
  name: openfaas
  gateway: http://127.0.0.1:8080
functions:
  resize:
    lang: python3-http
    handler: ./resize
    image: resize
    build_args: { GO111MODULE: on, ADDITIONAL_PACKAGE: jq }
    build_options: [dev]
    platforms: linux/amd64
    environment:
      write_timeout: 5m
    environment_file: [env.yml, more.yml]
    secrets: [db-password, api.key]
    labels:
      com.openfaas.scale.min: 2
      com.openfaas.scale.max: 6
    annotations:
      topic: cron-function
      schedule: "*/5 * * * *"
    limits: { memory: 256Mi, cpu: 0.25 }
    requests: { memory: 64m, cpu: 100m }
    constraints: ["node.platform.os == linux"]
    readonly_root_filesystem: false
    fprocess: node index.js
    namespace: acme
configuration:
  templates:
    - name: golang-http
      source: https://github.com/openfaas/golang-http-template#1.0
  copy: [./shared, ./data]
`)
  const { build, spec, environmentFiles } = onlyFunction(stack)
  assert.deepEqual(build?.arguments, { GO111MODULE: 'on', ADDITIONAL_PACKAGE: 'jq' })
  assert.deepEqual(
    build?.options.map(({ value }) => value),
    ['dev']
  )
  assert.deepEqual(
    environmentFiles.map(({ value }) => value),
    ['env.yml', 'more.yml']
  )
  assert.deepEqual(spec.secrets, ['db-password', 'api.key'])
  assert.deepEqual(spec.replicas, { min: 2, max: 6 })
  assert.deepEqual(spec.annotations, { topic: 'cron-function', schedule: '*/5 * * * *' })
  assert.deepEqual(spec.limits, { memoryBytes: 256 * 1024 ** 2, cpuMillis: 250 })
  assert.deepEqual(spec.requests, { memoryBytes: 64 * 1024 ** 2, cpuMillis: 100 })
  assert.deepEqual(spec.constraints, ['node.platform.os == linux'])
  assert.equal(spec.hasReadonlyRoot, false)
  assert.equal(spec.fprocess, 'node index.js')
  assert.equal(spec.writeTimeoutMs, 300_000)
  assert.deepEqual(
    stack.templates.map(({ name, source }) => [name, source.value]),
    [['golang-http', 'https://github.com/openfaas/golang-http-template#1.0']]
  )
  assert.deepEqual(
    stack.copy.map(({ value }) => value),
    ['./shared', './data']
  )
  assert.deepEqual(stack.warnings, [])
})

test('scalars in text fields are taken as they are written', () => {
  const { spec } = onlyFunction(
    parse(
      entry(
        'environment:',
        '  a: 10',
        '  b: true',
        '  c: 1.0',
        '  d: 010',
        '  e: 0x1F',
        '  f: 1_000',
        '  g: 2026-01-02',
        '  h: "quoted\\tand\\nescaped"',
        '  i:',
        '  j: ~',
        '  k: no',
        '  l: .inf',
        '  m: |',
        '    two',
        '    lines'
      )
    )
  )
  assert.deepEqual(spec.environment, {
    a: '10',
    b: 'true',
    c: '1.0',
    d: '010',
    e: '0x1F',
    f: '1_000',
    g: '2026-01-02',
    h: 'quoted\tand\nescaped',
    i: '',
    j: '',
    k: 'no',
    l: '.inf',
    m: 'two\nlines\n'
  })
})

test('anchors, aliases and merge keys share what functions have in common', () => {
  const { functions } = parse(`
x-common: &common
  lang: node
  environment: &environment { a: 1, b: 2 }
functions:
  one:
    <<: *common
    handler: ./one
  two:
    <<: [*common, { handler: ./ignored }]
    handler: ./two
    environment: { <<: *environment, b: 3 }
`)
  assert.deepEqual(
    functions.map(({ build, spec }) => [build?.handler.value, spec.environment]),
    [
      ['./one', { a: '1', b: '2' }],
      ['./two', { b: '3', a: '1' }]
    ]
  )
})

test('an unknown field is an error at its place, with the field that was meant', () => {
  assertRefused(
    entry('enviroment: {}'),
    'invalid-stack',
    '5:5',
    /unknown field "enviroment" in functions\.hello \(did you mean "environment"\?\)/
  )
  assertRefused(
    'functons: {}',
    'invalid-stack',
    '1:1',
    /did you mean "functions"\?\); expected one of version, provider, functions, configuration/
  )
  assertRefused(
    entry('limits: { mem: 1 }'),
    'invalid-stack',
    '5:15',
    /unknown field "mem" in functions\.hello\.limits; expected one of memory, cpu/
  )
})

test('a value of the wrong shape is an error that says what was expected', () => {
  assertRefused(entry('environment: [a]'), 'invalid-stack', '5:18', /environment: expected a map, found a list/)
  assertRefused(entry('secrets: abc'), 'invalid-stack', '5:14', /secrets: expected a list, found the text "abc"/)
  assertRefused(entry('fprocess: { a: b }'), 'invalid-stack', '5:15', /fprocess: expected text, found a map/)
  assertRefused(
    entry('readonly_root_filesystem: maybe'),
    'invalid-stack',
    '5:5',
    /expected true or false, found "maybe"/
  )
  assertRefused('functions: []', 'invalid-stack', '1:12', /functions: expected a map, found a list/)
  assertRefused('just text', 'invalid-stack', '1:1', /expected a map, found the text "just text"/)
})

test('what has to be there is asked for', () => {
  assertRefused(
    'functions:\n  a:\n    handler: ./a\n',
    'invalid-stack',
    '2:3',
    /functions\.a\.lang: expected the name of a template/
  )
  assertRefused(
    'functions:\n  a:\n    lang: node\n',
    'invalid-stack',
    '2:3',
    /functions\.a\.handler: expected the folder/
  )
  assertRefused('functions:\n  a:\n', 'invalid-stack', '2:3', /functions\.a\.lang: expected/)
  assertRefused('functions: {}', 'invalid-stack', '1:1', /no functions: add one/)
  assertRefused('version: 1.0\n', 'invalid-stack', '1:1', /no functions/)
  assertRefused('', 'invalid-stack', '1:1', /the file is empty/)
  assertRefused('# only a comment\n', 'invalid-stack', '1:1', /the file is empty/)
})

test('another version and another provider are refused, the older name of the provider is not', () => {
  assertRefused(`version: 2.0\n${entry()}`, 'invalid-stack', '1:10', /version: "2\.0" is not known/)
  assertRefused(
    `provider:\n  name: lambda\n${entry()}`,
    'invalid-stack',
    '2:9',
    /provider\.name: "lambda" is not known/
  )
  assert.equal(parse(`provider:\n  name: faas\n  network: x\n${entry()}`).warnings.length, 1)
})

test('names that are no DNS label, reserved or too long are refused at their place', () => {
  for (const name of [
    '-x',
    'Hello',
    'a_b',
    'ünicode',
    'hеllo',
    'system',
    'gateway',
    'metrics',
    'a.b',
    '9lives',
    'a-',
    'x'.repeat(60)
  ]) {
    assertRefused(`functions:\n  ${name}:\n    lang: node\n    handler: .\n`, 'invalid-stack', '2:3', /function name /)
  }
  assertRefused('functions:\n  "a\\u0000b": {}\n', 'invalid-stack', '2:3', /control character/)
  assertRefused(
    'functions:\n  a: &x { lang: node, handler: . }\n  a: *x\n',
    'invalid-stack',
    '3:3',
    /"a" is here twice/
  )
})

test('more functions than a stack may have are refused with the number', () => {
  const text = `functions:\n${Array.from({ length: 4 }, (_, index) => `  f${index}: { lang: node, handler: . }`).join('\n')}\n`
  assertRefused(text, 'limit-exceeded', '1:1', /4 functions are more than the 3/, { policy: { functionLimit: 3 } })
})
