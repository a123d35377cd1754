const { test } = require('uvu')
const assert = require('uvu/assert')
const handler = require('./handler')

const context = () => ({
  code: 200,
  status(code) {
    this.code = code
    return this
  },
  succeed(result) {
    return { code: this.code, result }
  }
})

test('two hours are 7,200,000 milliseconds', async () => {
  const { code, result } = await handler({ body: { text: '2h' } }, context())
  assert.is(code, 200)
  assert.is(result.milliseconds, 7200000)
})

test('what is no duration is refused', async () => {
  const { code } = await handler({ body: { text: 'soon' } }, context())
  assert.is(code, 400)
})

test.run()
