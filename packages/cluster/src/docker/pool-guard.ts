import { createHostProgram, reasonOf } from './host-program.ts'

/** Order of our two rules among the host's routing rules: before its main table is asked without conditions. */
const preferences = { look: 20_200, refuse: 20_201 }

const ip = createHostProgram('ip')

/**
 * Keeps what is sent to an address of the pool on this host. Without it a packet to a function that is gone, whose network
 * went with it, would leave by the default route, and whoever answers there would answer for the function.
 * Routes that the host has besides the default one hold, within the pool too. The rules are shared by installations of one pool.
 *
 * @param pool `10.201.0.0/16`
 */
export async function guardPool(pool: string): Promise<void> {
  const known = await ip(['-4', 'rule', 'show'])
  // In this order: the second one alone would close the way to every function.
  for (const rule of rulesFor(pool)) {
    if (!known.includes(`${rule.preference}:\tfrom all to ${pool} ${rule.action}`)) await add(pool, rule)
  }
}

function rulesFor(pool: string) {
  return [
    { pool, preference: preferences.look, action: 'lookup main suppress_prefixlength 0' },
    { pool, preference: preferences.refuse, action: 'unreachable' }
  ]
}

async function add(pool: string, { preference, action }: { preference: number; action: string }): Promise<void> {
  try {
    await ip(['-4', 'rule', 'add', 'to', pool, ...action.split(' '), 'preference', String(preference)])
  } catch (err) {
    // Another process was faster.
    if (!/File exists/i.test(reasonOf(err))) throw err
  }
}
