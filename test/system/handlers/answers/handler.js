'use strict'

const fs = require('fs/promises')
const { sentence } = require('./common/words')

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const answers = {
  '/object': (event, context) => context.succeed({ a: [1, 2] }),
  '/list': (event, context) => context.succeed([{ a: 1 }]),
  '/text': (event, context) => context.succeed('text'),
  '/buffer': (event, context) =>
    context.headers({ 'Content-Type': 'image/png' }).succeed(Buffer.from([0x89, 0x50, 0x00, 0xff])),
  '/nothing': () => undefined,
  '/returned': () => ({ returned: true }),
  '/created': (event, context) =>
    context
      .status(201)
      .headers({ Location: '/things/1', 'Set-Cookie': ['a=1', 'b=2'] })
      .succeed({ id: 1 }),
  '/empty': (event, context) => context.status(204).succeed(),
  '/redirect': (event, context) => context.status(302).headers({ Location: 'https://example.com/' }).succeed(''),
  '/fail': (event, context) => context.fail('out of stock'),
  '/refuse': (event, context) => context.status(404).fail(new Error('no such thing')),
  '/throw': () => {
    throw new Error('broken')
  },
  '/late': async (event, context) => {
    await wait(20)
    return context.status(202).succeed('late')
  },
  '/promise': () => wait(20).then(() => 'kept'),
  '/rejected': () => Promise.reject(new Error('not kept')),
  '/file': async () => await fs.readFile('./function/words.txt', 'utf8'),
  '/scratch': async () => {
    await fs.writeFile('/tmp/scratch', 'written')
    return await fs.readFile('/tmp/scratch', 'utf8')
  },
  '/common': () => sentence('common', 'words')
}

module.exports = async (event, context) => {
  const answer = answers[event.path]
  if (!answer) {
    return context.status(404).succeed({ message: `nothing at ${event.path}` })
  }
  return answer(event, context)
}
