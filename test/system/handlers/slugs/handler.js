'use strict'

const slugify = require('slugify')

module.exports = async (event, context) => {
  return context.headers({ 'Content-Type': 'text/plain' }).succeed(slugify(event.body, { lower: true }))
}
