import assert from 'node:assert/strict'
import { Failure, type FailureCode } from '@slipway/domain'
import type { StackFunction } from './function.ts'
import { parseStack, type Stack, type StackOptions } from './parse.ts'
import { defaultPolicy, type StackPolicy } from './policy.ts'

/** Reads a stack of the owner `acme` on linux/amd64. */
export function parse(
  text: string,
  options: Partial<Omit<StackOptions, 'policy'>> & { policy?: Partial<StackPolicy> } = {}
): Stack {
  return parseStack(text, {
    file: 'stack.yml',
    slug: 'acme',
    platform: 'linux/amd64',
    variables: {},
    ...options,
    policy: { ...defaultPolicy, ...options.policy }
  })
}

/** A stack of one function, `hello`, with these lines in its entry. */
export function entry(...lines: string[]): string {
  return [
    'functions:',
    '  hello:',
    '    lang: node',
    '    handler: ./hello',
    ...lines.map((line) => `    ${line}`),
    ''
  ].join('\n')
}

export function onlyFunction(stack: Stack): StackFunction {
  const [fn, ...others] = stack.functions
  assert.ok(fn !== undefined && others.length === 0)
  return fn
}

/** Runs something that has to fail as foreseen. */
export function failureOf(run: () => unknown): Failure {
  try {
    run()
  } catch (err) {
    if (err instanceof Failure) return err
    throw err
  }
  throw assert.fail('expected a Failure')
}

export function assertRefused(text: string, code: FailureCode, place: string, words: RegExp, options = {}): void {
  const failure = failureOf(() => parse(text, options))
  assert.equal(failure.code, code, failure.message)
  assert.match(failure.message, words)
  const { path, line, column } = failure.location ?? { path: '?', line: 0, column: 0 }
  assert.equal(`${line}:${column}`, place, failure.message)
  assert.ok(failure.message.startsWith(`${path}:${place}: `), failure.message)
}
