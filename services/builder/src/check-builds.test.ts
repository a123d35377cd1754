import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { whatDoesNotHold } from './check-builds.ts'
import { readTale } from './engine/build-probe.ts'

const killed = new Failure('build-failed', 'exit code 137 in `RUN ["/probe"]` (killed: it may have run out of memory)')
const ended = new Failure('build-failed', 'exit code 1 in `RUN ["/probe"]`')
const held = ['gateway 10.201.0.1', 'processor 215', 'processes 23', 'memory']

test('a build that was cut off from everything and killed for its memory was held', () => {
  assert.deepEqual(whatDoesNotHold(readTale(held), killed), [])
})

test('each thing that a build got all the same is named', () => {
  const got = ['gateway 10.201.0.1', 'reached 10.201.0.1', 'reached 169.254.169.254']
  const taken = ['processor 990', 'processes 64', 'memory', 'memory taken']
  assert.deepEqual(whatDoesNotHold(readTale([...got, ...taken]), ended), [
    'it reached 10.201.0.1',
    'it reached 169.254.169.254',
    'of the processor it had 990 ms in 1000 ms',
    'it began 64 processes',
    'its memory was not limited (exit code 1 in `RUN ["/probe"]`)'
  ])
})

test('a build without a network, or that ended before it had tried, proves nothing', () => {
  const broken = whatDoesNotHold(readTale(['gateway 0.0.0.0', 'processor 210']), ended)
  assert.match(broken.join('; '), /no network to try.*processes it may begin was not tried.*memory was not limited/)
})
