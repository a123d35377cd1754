'use strict'

// The way of the first Node.js templates: nothing is returned, the callback or the context is called.
module.exports = (event, context, callback) => {
  switch (event.path) {
    case '/at-once':
      return callback(undefined, { status: 'at once' })
    case '/later':
      setTimeout(() => callback(null, { status: 'later' }), 30)
      return
    case '/error':
      setTimeout(() => callback(new Error('no luck')), 30)
      return
    case '/context':
      setTimeout(() => context.status(201).succeed({ status: 'by the context' }), 30)
      return
    case '/context-fails':
      setTimeout(() => context.status(409).fail('taken'), 30)
      return
    default:
      callback(undefined, { body: event.body, query: event.query })
  }
}
