import { connect } from 'node:net'

/** Sends one inline command to a Redis of the test's own; the answer as Redis writes it. */
export function redisCommand(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    let text = ''
    socket.setTimeout(5000, () => socket.destroy(new Error(`Redis did not answer ${command}`)))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      text += chunk.toString()
      if (text.endsWith('\r\n')) socket.end()
    })
    socket.on('close', () => resolve(text.trim()))
    socket.write(`${command}\r\n`)
  })
}
