'use strict'

const ms = require('ms')

module.exports = async (event, context) => {
  const { text } = event.body
  const milliseconds = ms(text)
  if (milliseconds === undefined) {
    return context.status(400).succeed({ error: `"${text}" is not a duration` })
  }
  return context.status(200).succeed({ milliseconds, installed: require('ms/package.json').version })
}
