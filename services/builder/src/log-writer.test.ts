import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedactor } from '@slipway/secrets'
import { createBuildLog } from './engine/build-log.ts'
import { createLogWriter } from './log-writer.ts'

test('hostile: a build that prints its secrets, base64 of them or the clone token, a byte at a time, shows none of it', async () => {
  const written: string[] = []
  const redactor = createRedactor(['hunter2hunter2', 'first line of a key\nsecond line of a key'])
  redactor.add('ghs_theTokenOfTheClone')
  const log = createLogWriter({
    logs: { append: (_id, chunks) => Promise.resolve(void written.push(...chunks.map(({ text }) => text))) },
    buildId: 'build-1',
    redact: (text) => redactor.redact(text),
    limitBytes: 1_000_000,
    now: () => 0,
    grew: () => undefined,
    onError: assert.fail
  })
  const lines = createBuildLog(({ stream, text }) => log.write('build', 'hello', stream, text), {
    bytes: 1e6,
    line: 100
  })
  const printed = [
    'password is hunter2hunter2!',
    `as base64 ${Buffer.from('hunter2hunter2').toString('base64')}`,
    `within base64 ${Buffer.from('user:hunter2hunter2').toString('base64')}`,
    'first line of a key',
    '+ second line of a key',
    'https://x:ghs_theTokenOfTheClone@forge/',
    `${'x'.repeat(93)}hunter2hunter2`,
    'nothing to hide'
  ]
  for (const byte of Buffer.from(printed.join('\n'))) lines.write('1', 'stdout', Buffer.from([byte]))
  lines.flush()
  log.write('build', null, 'slipway', 'the step "curl -u hunter2hunter2" failed')
  await log.flush()
  const text = written.join('\n')
  assert.ok(!/hunter|ghs_|of a key/.test(text), text)
  assert.ok(!text.includes(Buffer.from('hunter2hunter2').toString('base64').slice(0, 8)), text)
  assert.match(text, /password is \[redacted\]!/)
  assert.match(text, /x{93}\[redacted\] \[…\]/)
  assert.match(text, /nothing to hide/)
  assert.match(text, /the step "curl -u \[redacted\]" failed/)
})
