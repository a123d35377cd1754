import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, entry, onlyFunction, parse } from './stack.fixture.ts'

test('labels and annotations that no policy allows are dropped with a warning at their line', () => {
  const stack = parse(entry('labels:', '  canary: "true"', '  topic: a', 'annotations:', '  kubernetes.example/x: y'))
  const { spec } = onlyFunction(stack)
  assert.deepEqual(spec.labels, { topic: 'a' })
  assert.deepEqual(spec.annotations, {})
  assert.deepEqual(
    stack.warnings.map(({ line, column, message }) => [line, column, message.split(':')[0]]),
    [
      [9, 7, 'functions.hello.annotations.kubernetes.example/x is dropped'],
      [6, 7, 'functions.hello.labels.canary is dropped']
    ]
  )
})

test('of an image what no policy allows is noted and nothing else, but what only the platform may say', () => {
  const labels = ['labels:', '  team: shop', '  topic: a', '  com.slipway.deployment: x', '  app.kubernetes.io/name: y']
  const annotations = ['annotations:', '  com.openfaas.cloud.git-owner: mallory', '  note: kept']
  const stack = parse(entry(...labels, ...annotations), { policy: { areLabelsNoted: true } })
  const { spec } = onlyFunction(stack)
  assert.deepEqual([spec.labels, spec.annotations], [{ topic: 'a' }, {}])
  assert.deepEqual(spec.notes, {
    labels: { team: 'shop', 'com.slipway.deployment': 'x', 'app.kubernetes.io/name': 'y' },
    annotations: { note: 'kept' }
  })
  assert.deepEqual(
    stack.warnings.map(({ line, message }) => [line, message.split(':')[0]]),
    [[11, 'functions.hello.annotations.com.openfaas.cloud.git-owner is dropped']]
  )
  assert.equal(
    onlyFunction(parse(entry('labels: { topic: a }'), { policy: { areLabelsNoted: true } })).spec.notes,
    undefined
  )
})

test("the platform's own labels are refused, in any case of letters", () => {
  for (const key of ['com.openfaas.cloud.git-owner', 'com.slipway.owner', 'COM.OpenFaaS.Cloud.git-owner']) {
    assertRefused(entry('labels:', `  ${key}: other`), 'invalid-stack', '6:7', /is written by the platform/)
    assertRefused(entry('annotations:', `  ${key}: other`), 'invalid-stack', '6:7', /is written by the platform/)
  }
})

test('line feeds and control characters have no way into labels, annotations and names of variables', () => {
  assertRefused(entry('labels:', '  topic: "a\\nb"'), 'invalid-stack', '6:14', /control character/)
  assertRefused(entry('labels:', '  "to\\npic": a'), 'invalid-stack', '6:7', /control character/)
  assertRefused(entry('annotations:', '  topic: "a\\u0085b"'), 'invalid-stack', '6:14', /control character/)
  assertRefused(entry('annotations:', '  topic: |', '    a', '    b'), 'invalid-stack', '6:14', /control character/)
  assertRefused(entry('environment:', '  "A\\nB": a'), 'invalid-stack', '6:7', /control character/)
  assertRefused(entry('environment:', '  "A=B": a'), 'invalid-stack', '6:7', /not the name of an environment variable/)
  assertRefused(entry('environment:', '  A: "a\\0b"'), 'invalid-stack', '6:10', /control character/)
  assertRefused(entry('fprocess: "a\\nb"'), 'invalid-stack', '5:15', /control character/)
})

test('a name that looks like a prototype is a name', () => {
  const { spec } = onlyFunction(parse(entry('environment:', '  __proto__: x', '  constructor: y')))
  assert.deepEqual(Object.entries(spec.environment), [
    ['__proto__', 'x'],
    ['constructor', 'y']
  ])
  assertRefused(entry('__proto__: x'), 'invalid-stack', '5:5', /unknown field "__proto__"/)
  assertRefused(entry('constructor: x'), 'invalid-stack', '5:5', /unknown field "constructor"/)
})

test('limits above the maximum are refused with the number, malformed ones with an example', () => {
  assertRefused(
    entry('limits: { memory: 2Gi }'),
    'limit-exceeded',
    '5:23',
    /limits\.memory: "2Gi" is more than the 1Gi that one replica of acme may have \(memory-mb-per-function\); an administrator raises it: slipway admin limits acme memory-mb-per-function=2048$/
  )
  assertRefused(
    entry('limits: { cpu: 8 }'),
    'limit-exceeded',
    '5:20',
    /limits\.cpu: "8" is more than the 2000m that one replica of acme may have \(cpu-millis-per-function\)/
  )
  assertRefused(entry('limits: { memory: lots }'), 'invalid-stack', '5:23', /"lots" is not a quantity: write "128Mi"/)
  assertRefused(entry('limits: { memory: 1Mi }'), 'invalid-stack', '5:23', /too little: at least 6Mi/)
  assertRefused(entry('requests: { memory: 256Mi }'), 'limit-exceeded', '5:25', /more than the 128Mi of its limits$/)
})

test('replicas come from the scale labels, within the maximum', () => {
  const scale = (...lines: string[]) =>
    onlyFunction(parse(entry('labels:', ...lines.map((line) => `  com.openfaas.scale.${line}`)))).spec.replicas
  assert.deepEqual(scale('min: 6'), { min: 6, max: 6 })
  assert.deepEqual(scale('max: 2'), { min: 1, max: 2 })
  assert.deepEqual(scale('min: 2', 'max: 10'), { min: 2, max: 10 })
  assert.deepEqual(scale('zero: true'), { min: 1, max: 4 })
  const refused = (line: string, code: 'invalid-stack' | 'limit-exceeded', words: RegExp) => {
    assertRefused(entry('labels:', `  com.openfaas.scale.${line}`), code, `6:${line.indexOf(' ') + 27}`, words)
  }
  refused(
    'max: 11',
    'limit-exceeded',
    /11 is more than the 10 replicas that one function of acme may have \(replicas-per-function\)/
  )
  refused('min: 0', 'invalid-stack', /"0" is not a number from 1/)
  refused('min: many', 'invalid-stack', /"many" is not a number/)
  assertRefused(
    entry('labels: { com.openfaas.scale.min: 5, com.openfaas.scale.max: 2 }'),
    'invalid-stack',
    '5:39',
    /5 is more than com\.openfaas\.scale\.max, 2/
  )
})

test('what cannot be read of the scale labels is refused where it stands, and what is not measured is a warning', () => {
  const refused = (line: string, words: RegExp) => {
    const column = line.indexOf(' ') + 27
    assertRefused(entry('labels:', `  com.openfaas.scale.${line}`), 'invalid-stack', `6:${column}`, words)
  }
  refused('target: fast', /com\.openfaas\.scale\.target: "fast" is not a number above 0/)
  refused('target-proportion: 2', /"2" is not a number above 0 and at most 1/)
  refused('zero: yes', /"yes" is not true or false/)
  refused('zero-duration: 0s', /"0s" is not a duration of at least a second/)
  refused('down.window: soon', /"soon" is not a duration/)
  const { warnings } = parse(entry('labels:', '  com.openfaas.scale.type: cpu'))
  assert.deepEqual(
    warnings.map(({ line, message }) => [line, message.includes('"cpu" is not measured here')]),
    [[6, true]]
  )
  for (const line of ['type: rps', 'type: capacity', 'target: 12.5', 'zero-duration: 1m30s']) {
    assert.deepEqual(parse(entry('labels:', `  com.openfaas.scale.${line}`)).warnings, [])
  }
})

test('the namespace is the owner’s own', () => {
  parse(entry('namespace: acme'))
  assertRefused(entry('namespace: other'), 'invalid-stack', '5:16', /"other" is not yours/)
  assertRefused(entry('namespace: openfaas-fn'), 'invalid-stack', '5:16', /is not yours/)
})

test('platforms other than the engine’s are refused with a sentence', () => {
  parse(entry('platforms: linux/amd64, amd64'))
  parse(entry('platforms: [linux/amd64]'))
  assertRefused(
    entry('platforms: linux/amd64,linux/arm64'),
    'unsupported',
    '5:16',
    /builds for linux\/amd64 only, not for "linux\/arm64"/
  )
  assertRefused(entry('platforms: [linux/arm/v7]'), 'unsupported', '5:17', /not for "linux\/arm\/v7"/)
})

test('build secrets name secrets: a path is refused with the command that stores it', () => {
  assertRefused(
    entry('build_secrets:', '  npmrc: /etc/passwd'),
    'unsafe-path',
    '6:14',
    /"\/etc\/passwd" is a path.*slipway secrets set "npmrc"/
  )
  assertRefused(entry('build_secrets:', '  npmrc: ~/.npmrc'), 'unsafe-path', '6:14', /is a path/)
  assertRefused(entry('build_secrets:', '  npm/rc: my-npmrc'), 'invalid-stack', '6:7', /id of a build secret/)
  assertRefused(entry('build_secrets:', '  npmrc: My_Npmrc-'), 'invalid-stack', '6:14', /not the name of a secret/)
  const { build } = onlyFunction(parse(entry('build_secrets:', '  npmrc: my-npmrc', '  netrc: acme-hosts')))
  assert.deepEqual(
    build?.secrets.map(({ id, name }) => [id, name.value]),
    [
      ['npmrc', 'my-npmrc'],
      ['netrc', 'hosts']
    ]
  )
})

test('names of secrets are names', () => {
  assert.deepEqual(onlyFunction(parse(entry('secrets: [a, b, acme-a]'))).spec.secrets, ['a', 'b'])
  // Another owner's, or one of this owner's with a long name: never the part after a prefix.
  assert.deepEqual(onlyFunction(parse(entry('secrets: [acmecorp-a]'))).spec.secrets, ['acmecorp-a'])
  for (const name of ['../x', 'A', '-a', 'a/b', '"a b"', 'x'.repeat(64)]) {
    assertRefused(entry(`secrets: [${name}]`), 'invalid-stack', '5:15', /is not the name of a secret/)
  }
})

test('a Dockerfile of one’s own is an administrator’s switch', () => {
  const text = 'functions:\n  a:\n    lang: Dockerfile\n    handler: ./a\n'
  assertRefused(text, 'unsupported', '3:11', /switched off/)
  const { build } = onlyFunction(parse(text, { policy: { isDockerfileAllowed: true } }))
  assert.equal(build?.lang.value, 'dockerfile')
})

test('a lang that is a path is refused', () => {
  for (const lang of ['../x', 'a/b', '.git', '-x', '"a b"']) {
    assertRefused(
      `functions:\n  a:\n    lang: ${lang}\n    handler: .\n`,
      'invalid-stack',
      '3:11',
      /is not the name of a template/
    )
  }
})

test('build arguments outside of the allow list are dropped with a warning', () => {
  const stack = parse(
    entry('build_args:', '  GO111MODULE: on', '  BASE_IMAGE: evil', '  BUILDKIT_SYNTAX: evil', '  http_proxy: x')
  )
  assert.deepEqual(onlyFunction(stack).build?.arguments, { GO111MODULE: 'on' })
  assert.deepEqual(
    stack.warnings.map(({ line }) => line),
    [7, 8, 9]
  )
})

test('registry and tag of an image are noted, a plain name is not', () => {
  const notes = (image: string) => parse(entry(`image: ${image}`)).warnings.map(({ message }) => message)
  assert.deepEqual(notes('hello'), [])
  assert.deepEqual(notes('hello:latest'), [])
  for (const image of ['alex/hello', 'hello:0.1', 'ghcr.io/alex/hello:latest', 'hello@sha256:abc']) {
    assert.match(notes(image)[0] ?? '', /registry and tag are ignored/, image)
  }
})

test('skip_build takes an image instead of a handler', () => {
  const { build, image } = onlyFunction(
    parse('functions:\n  a:\n    skip_build: true\n    image: ghcr.io/acme/a:1.2\n')
  )
  assert.equal(build, null)
  assert.equal(image?.value, 'ghcr.io/acme/a:1.2')
  assertRefused('functions:\n  a:\n    skip_build: true\n', 'invalid-stack', '2:3', /skip_build needs an image/)
  assertRefused(
    'functions:\n  a:\n    skip_build: yes\n    image: --help\n',
    'invalid-stack',
    '4:12',
    /not an image reference/
  )
})

test('fields that OpenFaaS knows and Slipway does not use are warnings', () => {
  assert.match(parse(entry('registry_auth: abc')).warnings[0]?.message ?? '', /registry_auth is not used/)
})

test('a read-only root may be made a rule', () => {
  const stack = parse(entry('readonly_root_filesystem: false'), { policy: { isReadonlyRootRequired: true } })
  assert.equal(onlyFunction(stack).spec.hasReadonlyRoot, true)
  assert.match(stack.warnings[0]?.message ?? '', /read-only root/)
})

test('an environment has an end', () => {
  const many = Array.from({ length: 1001 }, (_, index) => `  V${index}: x`)
  assertRefused(entry('environment:', ...many), 'limit-exceeded', '6:7', /more than 1000 environment variables/)
  assertRefused(entry('environment:', `  A: ${'x'.repeat(140_000)}`), 'limit-exceeded', '6:7', /131072 are allowed/)
})

test('write_timeout is a duration of Go, or seconds', () => {
  const timeout = (text: string) =>
    onlyFunction(parse(entry('environment:', `  write_timeout: ${text}`))).spec.writeTimeoutMs
  assert.equal(timeout('1m30s'), 90_000)
  assert.equal(timeout('500ms'), 500)
  assert.equal(timeout('20'), 20_000)
  assertRefused(
    entry('environment:', '  write_timeout: soon'),
    'invalid-stack',
    '5:5',
    /write_timeout: "soon" is not a duration/
  )
})
