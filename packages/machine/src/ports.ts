import { randomInt } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { Failure } from '@slipway/domain'

/** Below what Linux gives to outgoing connections and to whoever asks for any port: nobody gets one of these without asking for it. */
const range = { from: 20_000, to: 32_000 }

/**
 * A TCP port of the loopback interface that nothing listens on, for as long as this process lives: no other process of ours
 * is given it meanwhile, whether its user listens already, not yet, or is being started again.
 */
export async function freePort(): Promise<number> {
  while (true) {
    const port = randomInt(range.from, range.to)
    if ((await isPortFree(port)) && (await claim(port))) return port
  }
}

/**
 * Makes a port this process' own among all of ours, until it ends: false when another has it. A port that was looked at
 * and is listened on a moment later may be found free by two that start together. It is the name of a socket that the kernel
 * takes back by itself, in the same network namespace as the port; elsewhere than on Linux there are no such names, and nothing is claimed.
 */
function claim(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true)
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (err) => {
      if ('code' in err && err.code === 'EADDRINUSE') resolve(false)
      else reject(err)
    })
    server.listen({ path: `\0slipway-port-${port}` }, () => resolve(true))
    server.unref()
  })
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

function listenOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve()))
  })
}

/**
 * Ports that are chosen once and kept in a JSON file, because other things (names of images, addresses given out) contain them.
 * A name that the file does not have gets its preferred port when that is free, else any free one; 0 prefers none.
 * No other process of ours is given one of them while this process lives.
 */
export async function keptPorts<Name extends string>(
  file: string,
  preferred: Record<Name, number>
): Promise<Record<Name, number>> {
  const kept = await readPorts(file)
  const taken = Object.values(kept)
  // False where whoever chose them for this process has them already.
  for (const port of taken) await claim(port)
  const ports = { ...kept }
  for (const [name, port] of Object.entries<number>(preferred)) {
    if (ports[name] !== undefined) continue
    const isOurs = port !== 0 && !taken.includes(port) && (await isPortFree(port)) && (await claim(port))
    ports[name] = isOurs ? port : await freePort()
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
