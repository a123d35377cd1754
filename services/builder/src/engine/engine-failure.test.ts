import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildFailure } from './engine-failure.ts'

/** What engines really say, by whose fault it is. */
const messages: { message: string; code?: number; step: string | null; expected: [string, string] }[] = [
  {
    message: 'executor failed running [/bin/sh -c npm test]: exit code: 1',
    step: '[3/4] RUN npm test',
    expected: ['build-failed', 'exit code 1 in `RUN npm test`']
  },
  {
    message: 'failed to solve: process "/bin/sh -c npm test" did not complete successfully: exit code: 137',
    step: '[build 3/4] RUN npm test',
    expected: ['build-failed', 'exit code 137 in `RUN npm test` (killed: it may have run out of memory)']
  },
  {
    message: "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
    code: 3,
    step: '[2/2] RUN exit 3',
    expected: ['build-failed', 'exit code 3 in `RUN exit 3`']
  },
  {
    message:
      'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 1: unknown instruction: FOO',
    step: null,
    expected: ['build-failed', 'dockerfile parse error line 1: unknown instruction: FOO']
  },
  {
    message: 'failed to create LLB definition: docker.io/library/nope:1: not found',
    step: 'FROM docker.io/library/nope:1',
    expected: ['build-failed', 'docker.io/library/nope:1: not found in `FROM docker.io/library/nope:1`']
  },
  {
    message: 'failed to do request: Head "https://x/v2/y": dial tcp: lookup x: no such host',
    step: 'FROM x/y',
    expected: [
      'unavailable',
      'failed to do request: Head "https://x/v2/y": dial tcp: lookup x: no such host in `FROM x/y`'
    ]
  },
  {
    message: 'write /var/lib/docker/tmp/x: no space left on device',
    step: '[2/2] COPY a /a',
    expected: ['unavailable', 'write /var/lib/docker/tmp/x: no space left on device in `COPY a /a`']
  },
  {
    // a step's own trouble with the network is the step's
    message: "The command '/bin/sh -c curl x: connection refused' returned a non-zero code: 7",
    code: 7,
    step: '[2/2] RUN curl x: connection refused',
    expected: ['build-failed', 'exit code 7 in `RUN curl x: connection refused`']
  }
]

for (const { message, code, step, expected } of messages) {
  test(`"${message.slice(0, 70)}" is ${expected[0]}`, () => {
    const failure = buildFailure(message, code ?? null, step)
    assert.deepEqual([failure.code, failure.message], expected)
  })
}

test('a long instruction is shortened', () => {
  const { message } = buildFailure('executor failed running [x]: exit code: 1', null, `[1/1] RUN ${'x '.repeat(500)}`)
  assert.ok(message.length < 250)
})
