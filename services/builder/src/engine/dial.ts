import type Modem from 'docker-modem'
import type Docker from 'dockerode'

/** A request to the engine that dockerode has no method for, or has one that does too much. */
export function dial<T>(docker: Docker, options: Modem.DialOptions): Promise<T> {
  const modem: Modem = docker.modem
  return new Promise((resolve, reject) => {
    modem.dial(options, (err, result) => {
      if (err) reject(err)
      else resolve(result as T)
    })
  })
}

/** The engine's answers to long requests: one JSON object a line, as it comes. */
export async function* jsonLines(stream: AsyncIterable<Buffer>): AsyncGenerator<Record<string, unknown>> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as Record<string, unknown>
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as Record<string, unknown>
}
