import { readFile } from 'node:fs/promises'
import type { Finding } from '@slipway/domain'

const listening = '0A'

/**
 * Does a program listen on this port of every address? Then it would be heard on the owners' bridges too, and it is not the gateway,
 * which listens on each bridge's own address.
 */
export async function isHeardEverywhere(port: number): Promise<boolean> {
  const tables = await Promise.all([socketsIn('/proc/net/tcp'), socketsIn('/proc/net/tcp6')])
  return tables.some((table) => hasWildcardListener(table, port))
}

/** @param table as proc_net_tcp(5) has it: addresses and ports in hexadecimal. */
export function hasWildcardListener(table: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').some((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    return state === listening && /^0+:/.test(local) && local.endsWith(`:${hex}`)
  })
}

/** Whether functions reach the gateway by its names, for `doctor`. */
export async function gatewayFinding(port: number): Promise<Finding> {
  const name = 'calls between functions'
  return (await isHeardEverywhere(port))
    ? { name, isOk: false, detail: takenMessage(port) }
    : { name, isOk: true, detail: `http://gateway:${port}/function/<name>` }
}

export function takenMessage(port: number): string {
  return `functions do not reach the gateway by name: another program listens on port ${port} of all addresses. Have it listen on one address, or set INNER_PORT`
}

/** There is none elsewhere than on Linux, and none of a family that the kernel does not have. */
async function socketsIn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    // Whoever cannot look must not say that nobody listens.
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return ''
    throw err
  }
}
