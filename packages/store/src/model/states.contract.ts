import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { createStore } from '../store.ts'
import * as builds from './build-commands.fixture.ts'
import * as deployments from './deployment-commands.fixture.ts'
import { createModel, isOpen } from './model.fixture.ts'
import { assertSame, createReal, outcomeOf, type Real } from './real.fixture.ts'

const sequences = Number(process.env.SLIPWAY_TEST_SEQUENCES ?? 5000)

/** A step with its own words, for the one sequence that goes wrong. */
function told<Args extends unknown[]>(
  name: string,
  step: (...args: Args) => builds.Step,
  ...args: fc.Arbitrary<Args[number]>[]
) {
  return fc
    .tuple(...args)
    .map((given) => ({ step: step(...(given as Args)), toString: () => `${name}(${given.join(', ')})` }))
}

const which = fc.nat({ max: 3 })
const who = fc.constantFrom('one', 'two')
const name = fc.constantFrom('web', 'worker')
const commit = fc.constantFrom('a', 'b', 'c')
const stack = fc.constantFrom<string[]>([], ['web'], ['web', 'worker'], ['worker'])
/** A directory in memory where there is one: thousands of syncs to a disk would be most of the time. */
const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** What usually follows on each other, unless something that was done before stands in its way. */
const bringNearlyLive =
  (pushed: string, holder: string, names: string[]): builds.Step =>
  async (model, real) => {
    await builds.push(pushed)(model, real)
    await builds.admit(model, real)
    await builds.claim(0, holder)(model, real)
    await builds.observe(0, holder)(model, real)
    await builds.handOver(0, holder, names)(model, real)
    await deployments.claimDeploy(0, holder)(model, real)
    await deployments.prepare(0, holder)(model, real)
  }

const bringLive =
  (pushed: string, holder: string, names: string[]): builds.Step =>
  async (model, real) => {
    await bringNearlyLive(pushed, holder, names)(model, real)
    await deployments.switchLive(0, holder)(model, real)
  }

const bringBack =
  (index: number, holder: string): builds.Step =>
  async (model, real) => {
    await deployments.rollback(index)(model, real)
    await deployments.claimDeploy(0, holder)(model, real)
    await deployments.prepare(0, holder)(model, real)
    await deployments.switchLive(0, holder)(model, real)
  }

/** A roll-out that is about to switch is overtaken by a rollback, and comes to its switch all the same. */
const overtake =
  (pushed: string, holder: string, names: string[], index: number): builds.Step =>
  async (model, real) => {
    await bringNearlyLive(pushed, holder, names)(model, real)
    await bringBack(index + 1, 'another')(model, real)
    await deployments.switchLive(1, holder)(model, real)
  }

/** Without a hand few sequences would get as far as a switch. */
const command = fc.oneof(
  { weight: 6, arbitrary: told('bringLive', bringLive, commit, who, stack) },
  { weight: 3, arbitrary: told('bringNearlyLive', bringNearlyLive, commit, who, stack) },
  { weight: 3, arbitrary: told('bringBack', bringBack, which, who) },
  { weight: 3, arbitrary: told('overtake', overtake, commit, who, stack, which) },
  { weight: 3, arbitrary: told('push', builds.push, commit) },
  { weight: 3, arbitrary: told('admit', () => builds.admit) },
  { weight: 6, arbitrary: told('claim', builds.claim, which, who) },
  { weight: 1, arbitrary: told('renew', builds.renew, which, who) },
  { weight: 2, arbitrary: told('observe', builds.observe, which, who) },
  { weight: 1, arbitrary: told('giveWay', builds.giveWay, which, who, commit) },
  { weight: 6, arbitrary: told('handOver', builds.handOver, which, who, stack) },
  { weight: 1, arbitrary: told('giveBack', builds.giveBack, which, who) },
  { weight: 1, arbitrary: told('retryLater', builds.retryLater, which, who, fc.constantFrom(10, 200)) },
  { weight: 1, arbitrary: told('fail', builds.fail, which, fc.option(who)) },
  { weight: 1, arbitrary: told('cancel', builds.cancel, which) },
  { weight: 2, arbitrary: told('wait', builds.wait, fc.constantFrom(10, 60, 200)) },
  { weight: 6, arbitrary: told('claimDeploy', deployments.claimDeploy, which, who) },
  { weight: 6, arbitrary: told('prepare', deployments.prepare, which, who) },
  { weight: 6, arbitrary: told('switchLive', deployments.switchLive, which, who) },
  { weight: 2, arbitrary: told('rollback', deployments.rollback, which) },
  { weight: 3, arbitrary: told('endDeployment', deployments.endDeployment, which, fc.constantFrom('ended', 'failed')) },
  { weight: 1, arbitrary: told('pause', deployments.pause, name) },
  { weight: 2, arbitrary: told('resume', deployments.resume, name) }
)

/** So that a sequence leaves nothing for the next one's admission. */
async function endAll({ store }: Real, model: ReturnType<typeof createModel>): Promise<void> {
  for (const { id } of model.builds.filter(isOpen)) {
    await outcomeOf(store.builds.requestCancel(id, 'the test', model.now + 1e9))
  }
}

test(`builds and deployments are where a simple model of them is, after each of ${sequences} sequences of commands`, async (t) => {
  const directory = await mkdtemp(join(scratch, 'slipway-model-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  t.after(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const reached = new Map<string, number>()
  const property = fc.asyncProperty(
    fc.array(command, { minLength: 1, maxLength: 16, size: 'max' }),
    async (commands) => {
      const model = createModel()
      const real = await createReal(store)
      try {
        for (const { step } of commands) await step(model, real)
        await assertSame(model, real)
        for (const { status } of [...model.builds, ...model.deployments])
          reached.set(status, (reached.get(status) ?? 0) + 1)
      } finally {
        await endAll(real, model)
      }
    }
  )
  await fc.assert(property, { numRuns: sequences, seed: Number(process.env.SLIPWAY_TEST_SEED ?? 1) })
  t.diagnostic([...reached].map(([status, count]) => `${count} ${status}`).join(', '))
})
