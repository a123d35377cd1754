import { setTimeout as sleep } from 'node:timers/promises'
import { type Member, serviceOf } from './fleet.ts'
import type { Ground } from './ground.ts'
import type { Plan } from './plan.ts'

/** Does what the plan says, each thing at its time. Resolves when the last was done. */
export async function runPlan({ subjects, fleet }: Ground, plan: Plan, say: (line: string) => void): Promise<void> {
  const startedAt = performance.now()
  const until = (atMs: number) => sleep(Math.max(0, startedAt + atMs - performance.now()))
  const at = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`

  const pushes = plan.pushList.map(async ({ atMs, repository, change, arrival }) => {
    await until(atMs)
    await subjects[repository]?.push({ change, arrival }, fleet.relay)
  })

  /** Several services may be down together, but not all processes of one: a gateway goes when the other is up. */
  const last = new Map<string, Promise<void>>()
  const kills = plan.killList.map(async ({ atMs, victim, downMs }) => {
    await until(atMs)
    const member = fleet.members.get(victim)
    if (member === undefined) throw new RangeError(`there is no ${victim} to be killed`)
    const service = serviceOf(victim)
    const former = last.get(service)
    const done = killAndStart(member, downMs, former)
    last.set(service, done)
    await done
  })
  await Promise.all([...pushes, ...kills])

  async function killAndStart(member: Member, downMs: number, former: Promise<void> | undefined): Promise<void> {
    await former
    say(`${at()}  ${member.name} is killed, back after ${(downMs / 1000).toFixed(1)} s`)
    await member.kill()
    await sleep(downMs)
    await member.start()
  }
}
