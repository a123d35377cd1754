import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { createRegistryGate } from './registry-gate.ts'

const signal = new AbortController().signal

/** Work that ends when it is told to. */
function work(name: string, events: string[]) {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    end: resolve,
    run: async () => {
      events.push(`${name} begins`)
      await promise
      events.push(`${name} ends`)
      return name
    }
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('uses run side by side; who wants to be alone waits for them, and later ones wait for it', async () => {
  const gate = createRegistryGate()
  const events: string[] = []
  const [one, two, alone, late] = ['one', 'two', 'alone', 'late'].map((name) => work(name, events))
  assert.ok(one && two && alone && late)
  const all = [gate.use(one.run, signal), gate.use(two.run, signal)]
  all.push(gate.alone(alone.run, signal))
  await turn()
  all.push(gate.use(late.run, signal))
  await turn()
  assert.deepEqual(events, ['one begins', 'two begins'])
  one.end()
  two.end()
  await turn()
  assert.deepEqual(events.slice(2), ['one ends', 'two ends', 'alone begins'])
  alone.end()
  await turn()
  late.end()
  assert.deepEqual(await Promise.all(all), ['one', 'two', 'alone', 'late'])
  assert.deepEqual(events.slice(5), ['alone ends', 'late begins', 'late ends'])
})

test('a use that takes too long is not waited for, and nobody is held up any more', async () => {
  const gate = createRegistryGate(20)
  const events: string[] = []
  const long = work('long', events)
  const using = gate.use(long.run, signal)
  await assert.rejects(
    gate.alone(async () => 'never', signal),
    (err) => err instanceof Failure && err.code === 'conflict'
  )
  assert.equal(await gate.use(async () => 'next', signal), 'next')
  long.end()
  assert.equal(await using, 'long')
})

test('what fails opens the gate all the same, and one that is not wanted any more does not wait', async () => {
  const gate = createRegistryGate()
  await assert.rejects(
    gate.use(() => Promise.reject(new Error('no registry')), signal),
    /no registry/
  )
  await assert.rejects(
    gate.alone(() => Promise.reject(new Error('no program')), signal),
    /no program/
  )
  assert.equal(await gate.use(async () => 'fine', signal), 'fine')
  const stop = new AbortController()
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const alone = gate.alone(() => held, signal)
  await turn()
  const waiting = gate.use(async () => 'never', stop.signal)
  stop.abort(new Error('cancelled'))
  await assert.rejects(waiting, /cancelled/)
  release()
  await alone
})
