import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeTo, startFunction, startTestGateway } from './gateway-for-test.ts'

const everyByte = Buffer.from(Array.from({ length: 256 }, (_none, byte) => byte))

test('an answer of whatever bytes comes as the function gave it: short or long, in one packet or more, with its length or in chunks', async (t) => {
  const times = [1, 31, 32, 33, 400]
  const fn = await startFunction(t, (req, res) => {
    const [, frame, count, , rest = ''] = (req.url ?? '').split('/')
    const body = Buffer.concat(Array.from({ length: Number(count) }, () => everyByte))
    if (frame === 'length') res.setHeader('content-length', body.length + rest.length)
    else res.setHeader('transfer-encoding', 'chunked')
    if (rest === '') res.end(body)
    else res.write(body, () => res.end(rest))
  })
  const { url } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  for (const frame of ['length', 'chunked']) {
    for (const count of times) {
      for (const rest of ['', '/and/later']) {
        const answer = await fetch(`${url}/function/alice-fn/${frame}/${count}${rest}`)
        const expected = [...Array.from({ length: count }, () => everyByte), Buffer.from(rest === '' ? '' : 'later')]
        assert.equal(answer.headers.get('content-length') === null, frame === 'chunked')
        const body = Buffer.from(await answer.arrayBuffer())
        assert.ok(body.equals(Buffer.concat(expected)), `${frame} ${count} ${rest}: ${body.length} bytes came`)
      }
    }
  }
})
