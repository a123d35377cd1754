import { connect } from 'node:net'

/** One command in Redis's inline form, and its answer as it came. */
export function command(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('error', reject)
    socket.once('data', (text) => {
      socket.destroy()
      resolve(text.toString())
    })
    socket.write(`${line}\r\n`)
  })
}
