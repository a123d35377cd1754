import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { Failure } from '@slipway/domain'

/** A TCP port of the loopback interface that nothing listens on at this moment. Somebody else may take it before its user does. */
export function freePort(): Promise<number> {
  return listenOnce(0)
}

/** Can a program listen on this port of the loopback interface now? */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port)
    return true
  } catch (err) {
    if (err instanceof Error && 'code' in err && (err.code === 'EADDRINUSE' || err.code === 'EACCES')) return false
    throw err
  }
}

function listenOnce(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: wanted, exclusive: true }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : wanted
      server.close(() => resolve(port))
    })
  })
}

/**
 * Ports that are chosen once and kept in a JSON file, because other things (names of images, addresses given out) contain them.
 * A name that the file does not have gets its preferred port when that is free, else any free one.
 */
export async function keptPorts<Name extends string>(
  file: string,
  preferred: Record<Name, number>
): Promise<Record<Name, number>> {
  const kept = await readPorts(file)
  const taken = new Set(Object.values(kept))
  const ports = { ...kept }
  for (const [name, port] of Object.entries<number>(preferred)) {
    if (ports[name] !== undefined) continue
    let chosen = port
    while (chosen === 0 || taken.has(chosen) || !(await isPortFree(chosen))) chosen = await freePort()
    taken.add(chosen)
    ports[name] = chosen
  }
  if (Object.keys(ports).length !== Object.keys(kept).length) {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(`${file}.new`, `${JSON.stringify(ports, null, 2)}\n`)
    await rename(`${file}.new`, file)
  }
  return ports as Record<Name, number>
}

async function readPorts(file: string): Promise<Record<string, number>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return {}
    throw err
  }
  try {
    const ports: unknown = JSON.parse(text)
    if (isPorts(ports)) return ports
  } catch (err) {
    throw new Failure('invalid-configuration', `${file} is not JSON: mend or delete it`, { cause: err })
  }
  throw new Failure('invalid-configuration', `${file} does not hold a port per name: mend or delete it`)
}

function isPorts(value: unknown): value is Record<string, number> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((port) => Number.isInteger(port) && port > 0 && port < 65536)
  )
}
