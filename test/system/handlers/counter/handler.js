'use strict'

// Kept between requests: the process stays.
const started = Date.now()
let count = 0

module.exports = async (event, context) => {
  count += 1
  if (event.path === '/slow') {
    console.log('a slow request began')
    await new Promise((resolve) => setTimeout(resolve, Number(event.query.ms)))
  }
  return context.succeed({ count, started })
}
