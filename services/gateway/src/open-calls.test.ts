import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { createOpenCalls } from './open-calls.ts'

const response = () => new ServerResponse(new IncomingMessage(new Socket()))

test('those calls are broken off that have not ended, in whichever order others did', () => {
  const open = createOpenCalls()
  const all = Array.from({ length: 6 }, () => {
    const res = response()
    return { res, leave: open.add(res) }
  })
  for (const place of [5, 0, 2]) all[place]?.leave()
  open.cut()
  assert.deepEqual(
    all.map(({ res }) => res.destroyed),
    [false, true, false, true, true, false]
  )
})

test('nothing is open once every call has left, those among them that leave as they are broken off', () => {
  const open = createOpenCalls()
  for (let i = 0; i < 4; i += 1) {
    const res = response()
    const leave = open.add(res)
    const { destroy } = res
    res.destroy = (err) => {
      leave()
      return destroy.call(res, err)
    }
  }
  assert.equal(open.isEmpty(), false)
  open.cut()
  assert.equal(open.isEmpty(), true)
})
