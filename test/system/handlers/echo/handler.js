'use strict'

module.exports = async (event, context) => {
  const { body, headers, method, path, query } = event
  const isBuffer = Buffer.isBuffer(body)

  return context
    .status(200)
    .headers({ 'X-Method': method })
    .succeed({
      method,
      path,
      query,
      contentType: headers['content-type'],
      custom: headers['x-custom'],
      callId: headers['x-call-id'],
      kind: isBuffer ? 'buffer' : typeof body,
      body: isBuffer ? body.toString('hex') : body
    })
}
