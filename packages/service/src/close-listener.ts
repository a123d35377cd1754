import { Server as NetServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

type Server = InstanceType<typeof NetServer>

/** A turn of the event loop that takes no longer has done next to nothing. */
const shortMs = 0.5
/** On a machine so busy that none is short, one in which nobody came has to do. */
const patienceMs = 500

/**
 * Ends at a moment at which nobody is known to wait: right after the kernel was asked, and nothing had come. What comes between this
 * and what the caller does then at once is lost, so a turn counts only if it was short.
 */
export async function quietMoment(server: Server): Promise<void> {
  let came = 0
  const count = () => {
    came += 1
  }
  server.on('connection', count)
  server.on('request', count)
  const startedAt = performance.now()
  try {
    for (;;) {
      const before = came
      const turnAt = performance.now()
      await nextTurn()
      const now = performance.now()
      // One connection is accepted in a turn: as long as some come, more may wait.
      if (came === before && (now - turnAt < shortMs || now - startedAt > patienceMs)) return
    }
  } finally {
    server.off('connection', count)
    server.off('request', count)
  }
}

/**
 * Takes no new connections. The kernel resets those that wait to be accepted when a listener closes: so it is closed when none does.
 * Connections that are there stay, the idle ones too: a request may be on its way.
 *
 * @returns when the last connection has ended.
 */
export async function closeListener(server: Server): Promise<{ ended: Promise<void> }> {
  await quietMoment(server)
  // That of `node:http` would end idle connections.
  const ended = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  return { ended }
}
