import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Failure } from '@slipway/domain'

/** From standard input: a line of it, or what somebody types, which is not shown. */
export async function askForToken(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Token: ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY })
  try {
    for await (const line of lines) {
      if (line.trim() !== '') return line.trim()
    }
  } finally {
    lines.close()
    if (process.stdin.isTTY) process.stderr.write('\n')
  }
  throw new Failure('invalid-request', 'there is no token: give one with --token, or on standard input')
}
