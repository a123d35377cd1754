import { readFile, writeFile } from 'node:fs/promises'
import type { Logger } from './logger.ts'

const setting = '/proc/sys/net/ipv4/tcp_migrate_req'

/** The command that does the same by hand. */
export const moveByHand = 'sysctl -w net.ipv4.tcp_migrate_req=1'

/**
 * `on`: a connection that waits for a listener which closes goes to another one on the same port. `off`: it is reset. `unknown`: the
 * kernel does not say (it is no Linux, or one before 5.14), and resets it.
 */
export async function movesConnections(file = setting): Promise<'on' | 'off' | 'unknown'> {
  try {
    return (await readFile(file, 'utf8')).trim() === '0' ? 'off' : 'on'
  } catch (err) {
    if (isMissing(err)) return 'unknown'
    throw err
  }
}

/**
 * For who listens on a port with others: has the kernel move connections from one of them that closes. A handshake belongs to the
 * listener that the kernel chose for it before anybody sees it, so one that closes cannot know of it. The setting is the network
 * namespace's and concerns only ports that are shared. Without the right to change it, it is said how to.
 */
export async function letConnectionsMove(logger: Logger, file = setting): Promise<void> {
  const found = await movesConnections(file)
  if (found === 'on') return
  const hint = `a connection may be reset when one of several on this port stops; ${moveByHand} (Linux 5.14 and newer) mends that`
  if (found === 'unknown') {
    logger.warn({ file }, hint)
    return
  }
  try {
    await writeFile(file, '1')
    logger.info({ file }, 'the kernel moves connections from a listener that closes to another on its port')
  } catch (err) {
    // It is run without the rights of root: that is no reason not to run.
    logger.warn({ err, file }, hint)
  }
}

function isMissing(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ENOENT'
}
