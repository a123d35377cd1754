import { keepEvidence } from './evidence.ts'
import { figuresOf } from './figures.ts'
import { createGround, type Ground, type GroundOptions } from './ground.ts'
import { createPlan } from './plan.ts'
import { runPlan } from './run.ts'

export interface ChaosOptions {
  seed: string | number
  pushes: number
  kills: number
  durationMs: number
  settleMs: number
  ground?: Partial<GroundOptions>
}

export interface ChaosResult {
  /** What was not as it must be; empty when all is well. */
  problems: string[]
  figures: string[]
}

const victims = ['receiver', 'builder', 'deployer', 'gateway-1', 'gateway-2', 'redis']

/** Pushes to 20 repositories of 5 owners while services are killed, and tells what came of it. */
export async function runChaos(
  { seed, pushes, kills, durationMs, settleMs, ground: more = {} }: ChaosOptions,
  say: (line: string) => void
): Promise<ChaosResult> {
  const repositories = 20
  const plan = createPlan({ seed, pushes, kills, durationMs, repositories, victims })
  const ground: Ground = await createGround({ repositories, owners: 5, ...more })
  try {
    const startedAt = performance.now()
    await runPlan(ground, plan, say)
    const ranAt = performance.now()
    say('all was pushed, everything is up again')
    const problems = await ground.judge(settleMs)
    if (problems.length > 0) say(`logs and store are kept in ${await keepEvidence(ground, `chaos-${seed}`)}`)
    const timing = { runMs: ranAt - startedAt, settledMs: performance.now() - ranAt }
    return { problems, figures: await figuresOf(ground, plan, timing) }
  } finally {
    await ground.close()
  }
}
