import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from './failure.ts'
import type { FunctionSpec } from './stack.ts'
import {
  checkVariable,
  explainEnvironment,
  specWithVariables,
  type Variable,
  type VariableScope,
  variablesFor
} from './variable.ts'

const owner: VariableScope = { kind: 'owner' }
const repository: VariableScope = { kind: 'repository', repositoryId: 'r1' }
const fn: VariableScope = { kind: 'function', functionName: 'hello' }

function variable(scope: VariableScope, name: string, value: string, use: Variable['use'] = 'runtime'): Variable {
  return { scope, use, name, value, updatedAt: 0, updatedBy: 'test' }
}

const spec = {
  name: 'hello',
  environment: { A: 'stack', B: 'stack', write_timeout: '5s' },
  writeTimeoutMs: 5000
} as unknown as FunctionSpec

test('the function goes over the repository, that over the owner, that over stack.yml, and each value says so', () => {
  const all = [
    variable(fn, 'A', 'f'),
    variable(owner, 'A', 'o'),
    variable(repository, 'A', 'r'),
    variable(owner, 'C', 'o')
  ]
  const variables = variablesFor(all, { repositoryId: 'r1', functionName: 'hello', use: 'runtime' })
  assert.deepEqual(specWithVariables(spec, variables).environment, { A: 'f', B: 'stack', C: 'o', write_timeout: '5s' })
  const [a, b, c] = explainEnvironment(spec.environment, variables)
  assert.deepEqual(a, {
    name: 'A',
    value: 'f',
    source: 'function',
    over: [
      { source: 'repository', value: 'r' },
      { source: 'owner', value: 'o' },
      { source: 'stack.yml', value: 'stack' }
    ]
  })
  assert.deepEqual([b?.source, c?.source, c?.over], ['stack.yml', 'owner', []])
})

test('a variable of another repository, another function or another use is none', () => {
  const all = [
    variable({ kind: 'repository', repositoryId: 'r2' }, 'A', 'x'),
    variable({ kind: 'function', functionName: 'other' }, 'A', 'x'),
    variable(owner, 'A', 'x', 'build')
  ]
  assert.deepEqual(variablesFor(all, { repositoryId: 'r1', functionName: 'hello', use: 'runtime' }), [])
  assert.equal(variablesFor(all, { repositoryId: 'r1', functionName: null, use: 'build' }).length, 1)
})

test('the write time-out follows its variable', () => {
  const variables = [variable(owner, 'write_timeout', '2m')]
  assert.equal(specWithVariables(spec, variables).writeTimeoutMs, 120_000)
  assert.equal(specWithVariables(spec, [variable(owner, 'write_timeout', '')]).writeTimeoutMs, 5000)
})

test('what no process could have is refused by name', () => {
  const refused = (use: Variable['use'], name: string, value = '') =>
    assert.throws(() => checkVariable(use, name, value), Failure, `${use} ${name}`)
  refused('runtime', '')
  refused('runtime', '1A')
  refused('runtime', 'A=B')
  refused('runtime', 'A\nB')
  refused('build', 'a.b')
  refused('runtime', 'A', '\0')
  refused('runtime', 'A', 'x'.repeat(32 * 1024 + 1))
  refused('runtime', 'write_timeout', 'soon')
  checkVariable('runtime', 'a.b-c', '')
  checkVariable('build', 'write_timeout', 'soon')
  const large = Array.from({ length: 5 }, (_, i) => variable(owner, `V${i}`, 'x'.repeat(32 * 1024)))
  assert.throws(() => specWithVariables(spec, large), /"hello".*characters/)
})
