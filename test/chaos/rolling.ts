import { setTimeout as sleep } from 'node:timers/promises'
import { keepEvidence } from './evidence.ts'
import { createGround, type Ground } from './ground.ts'
import { createRandom } from './random.ts'
import { allBuilds } from './verdict.ts'

export interface RollingOptions {
  seed: string | number
  /** How often each process is restarted. */
  rounds: number
  repositories: number
  settleMs: number
  signal?: AbortSignal
}

/** As an upgrade does it: one process after the other ends in order and is followed by a new one. */
const services = ['deployer', 'receiver-1', 'receiver-2', 'api', 'gateway-1', 'gateway-2', 'builder']

/** Restarts every service again and again while is pushed and called: no call may fail, and no delivery be refused. */
export async function runRolling(
  { seed, rounds, repositories, settleMs, signal }: RollingOptions,
  say: (line: string) => void
): Promise<{ problems: string[]; figures: string[] }> {
  const ground = await createGround({ repositories, owners: 3, services, ...(signal === undefined ? {} : { signal }) })
  try {
    const random = createRandom(seed)
    let isOver = false
    let pushes = 0
    const pushing = (async () => {
      while (!isOver) {
        const kind = random.pick(['words', 'configuration', 'configuration', 'function'] as const)
        const subject = pushes < repositories ? ground.subjects[pushes] : random.pick(ground.subjects)
        await subject?.push({ change: { kind }, arrival: { afterMs: [0] } }, ground.fleet.relay)
        pushes += 1
        await sleep(random.integer(200, 1500))
      }
    })()
    const restartedAt = performance.now()
    for (let round = 1; round <= rounds; round += 1) {
      for (const name of services) await restart(ground, name)
      say(`${((performance.now() - restartedAt) / 1000).toFixed(1)} s  every service was restarted ${round} times`)
    }
    isOver = true
    await pushing
    const problems = await ground.judge(settleMs)
    const { calls, live } = ground.callers.counts()
    const { deliveries, refused } = ground.fleet.relay.counts()
    const lost = Object.values(refused).reduce((sum, count) => sum + count, 0)
    if (lost > 0) problems.push(`${lost} deliveries were refused: ${JSON.stringify(refused)}`)
    if (problems.length > 0) say(`logs and store are kept in ${await keepEvidence(ground, `rolling-${seed}`)}`)
    return {
      problems,
      figures: [
        `seed          ${seed}`,
        `restarts      ${rounds} of each of ${services.length} processes`,
        `pushes        ${pushes}, ${deliveries} deliveries, ${lost} refused`,
        `builds        ${(await allBuilds(ground.store)).length}`,
        `calls         ${calls} of ${live} live functions, ${ground.callers.failed().length} failed`
      ]
    }
  } finally {
    await ground.close()
  }
}

async function restart({ fleet }: Ground, name: string): Promise<void> {
  const member = fleet.members.get(name)
  if (member === undefined) throw new RangeError(`there is no ${name} to be restarted`)
  await member.stop()
  await member.start()
}
