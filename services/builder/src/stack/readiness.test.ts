import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, entry, onlyFunction, parse } from './stack.fixture.ts'

function readiness(...lines: string[]) {
  return onlyFunction(parse(entry('annotations:', ...lines.map((line) => `  com.openfaas.${line}`)))).spec.readiness
}

test('the path of readiness comes before that of health', () => {
  assert.equal(readiness('health.http.path: /h', 'ready.http.path: /r').path, '/r')
  const { path, pathSource } = readiness('health.http.path: /h')
  assert.deepEqual({ path, pathSource }, { path: '/h', pathSource: 'the annotation com.openfaas.health.http.path' })
})

test("of-watchdog's ready_path is asked for where of-watchdog tells of it, unless an annotation says otherwise", () => {
  const environment = ['environment:', '  ready_path: /up']
  const { path, pathSource } = onlyFunction(parse(entry(...environment))).spec.readiness
  assert.deepEqual([path, pathSource], ['/_/ready', 'the variable ready_path of of-watchdog'])
  const annotated = entry(...environment, 'annotations:', '  com.openfaas.health.http.path: /h')
  assert.equal(onlyFunction(parse(annotated)).spec.readiness.path, '/h')
  assert.equal(onlyFunction(parse(entry('environment:', '  ready_path: ""'))).spec.readiness.path, '/_/health')
})

test('times are seconds or durations, in the newer and the older names', () => {
  assert.deepEqual(
    readiness(
      'ready.http.path: /r',
      'ready.http.initialDelaySeconds: 5',
      'ready.http.periodSeconds: 2s',
      'ready.http.timeoutSeconds: 500ms',
      'ready.http.successThreshold: 2',
      'ready.http.failureThreshold: 7'
    ),
    {
      path: '/r',
      pathSource: 'the annotation com.openfaas.ready.http.path',
      initialDelayMs: 5000,
      periodMs: 2000,
      timeoutMs: 500,
      successThreshold: 2,
      failureThreshold: 7
    }
  )
  assert.equal(readiness('health.http.initialDelay: "30s"').initialDelayMs, 30_000)
})

test('a longer period still gives a function half a minute', () => {
  assert.equal(readiness('ready.http.periodSeconds: 5').failureThreshold, 6)
  assert.equal(readiness('ready.http.periodSeconds: 60').failureThreshold, 3)
})

test('what cannot be read is an error at the annotation', () => {
  const refused = (line: string, words: RegExp) => {
    assertRefused(
      entry('annotations:', `  com.openfaas.${line}`),
      'invalid-stack',
      `6:${line.indexOf(': ') + 22}`,
      words
    )
  }
  refused('ready.http.path: ready', /not a path: it begins with "\/"/)
  refused('ready.http.path: http://10.0.0.1/', /not a path/)
  refused('ready.http.periodSeconds: often', /not a number of seconds or a duration/)
  refused('ready.http.periodSeconds: 0', /from 50 ms/)
  refused('ready.http.initialDelaySeconds: 3600', /10 minutes/)
  refused('ready.http.failureThreshold: 0', /number from 1 to 999/)
})
