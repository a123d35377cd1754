import { readFile } from 'node:fs/promises'
import { greet } from './lib/greet.js'

const names = JSON.parse(await readFile(new URL('./names.json', import.meta.url), 'utf8'))

export default async (event, context) => {
  const name = names[event.query.of] ?? 'nobody'
  return context.succeed({ greeting: greet(name), handler: import.meta.url.split('/').at(-1) })
}
