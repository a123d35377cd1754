import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutageForm } from '@slipway/local-forge'
import type { RunningRegistry } from '@slipway/machine'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { sharedRegistry } from '../system/scene.ts'
import { keepEvidence } from './evidence.ts'
import { createGround, type Ground } from './ground.ts'
import { type Proxy, startProxy } from './proxy.ts'
import { createRandom } from './random.ts'
import { redisCommand } from './redis-command.ts'
import type { Subject } from './subject.ts'

/*
 * Something that Slipway stands on goes away in the middle of the work, and comes back. Slipway is not restarted; afterwards
 * everything has to be as after any other pushes.
 */

const random = createRandom(process.env.SLIPWAY_TEST_SEED ?? 3)
const settleMs = 150_000

let directory: string
let postgres: TestPostgres
let registry: RunningRegistry
let registryProxy: Proxy
let engineProxy: Proxy
let ground: Ground

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-faults-'))
  postgres = await startPostgres()
  registry = await sharedRegistry()
  registryProxy = await startProxy({ host: '127.0.0.1', port: registry.port }, null)
  const engine = join(directory, 'engine.sock')
  engineProxy = await startProxy({ path: '/var/run/docker.sock' }, engine)
  ground = await createGround({
    repositories: 3,
    owners: 2,
    env: {
      DATABASE_URL: await postgres.makeDatabase(),
      DOCKER_HOST: `unix://${engine}`,
      REGISTRY: `127.0.0.1:${registryProxy.port}`
    },
    callers: { concurrency: 2, pauseMs: 50 },
    isRedelivering: true
  })
  await pushToAll()
  await assertWhole('the start')
})

after(async () => {
  await ground?.close()
  await engineProxy?.close()
  await registryProxy?.close()
  await registry?.stop()
  await postgres?.stop()
  await rm(directory, { recursive: true, force: true })
})

function push(subject: Subject): Promise<void> {
  const kind = random.pick(['words', 'words', 'configuration', 'function'] as const)
  return subject.push({ change: { kind }, arrival: { afterMs: [0] } }, ground.fleet.relay)
}

async function pushToAll(pauseMs = 0): Promise<void> {
  for (const subject of ground.subjects) {
    await push(subject)
    await sleep(pauseMs)
  }
}

async function assertWhole(what: string, t?: TestContext): Promise<void> {
  const pushedAt = performance.now()
  const problems = await ground.judge(settleMs)
  t?.diagnostic(`whole again after ${((performance.now() - pushedAt) / 1000).toFixed(1)} s`)
  if (problems.length > 0) problems.push(`logs and store are kept in ${await keepEvidence(ground, `faults-${what}`)}`)
  assert.deepEqual(problems, [])
}

/** Pushes, and in the middle of their work something is away for a few seconds, in which is pushed as well. */
async function whileAway(
  t: TestContext,
  what: string,
  goAway: () => Promise<unknown>,
  comeBack: () => Promise<unknown>
): Promise<void> {
  await pushToAll(random.integer(100, 600))
  await goAway()
  await push(random.pick(ground.subjects))
  await sleep(random.integer(2000, 4000))
  await comeBack()
  await assertWhole(what, t)
}

test('Redis is emptied in the middle of builds and roll-outs', (t) =>
  whileAway(
    t,
    'redis',
    () => redisCommand(ground.fleet.redisPort, 'FLUSHALL'),
    () => redisCommand(ground.fleet.redisPort, 'FLUSHALL')
  ))

test('PostgreSQL is restarted in the middle', (t) =>
  whileAway(
    t,
    'postgres',
    () => postgres.halt(),
    () => postgres.resume()
  ))

for (const mode of ['refuse', 'hang'] as const) {
  test(`the registry is away and comes back: connections ${mode}`, (t) =>
    whileAway(
      t,
      `registry-${mode}`,
      () => registryProxy.set(mode),
      () => registryProxy.set('pass')
    ))

  test(`the engine is away and comes back: connections ${mode}`, (t) =>
    whileAway(
      t,
      `engine-${mode}`,
      () => engineProxy.set(mode),
      () => engineProxy.set('pass')
    ))
}

const outages: [string, OutageForm][] = [
  ['answers 500', { status: 500 }],
  ['answers 429 and says when to come back', { status: 429, retryAfterSeconds: 3 }],
  ['never answers', 'hang'],
  ['breaks connections', 'reset']
]
for (const [what, form] of outages) {
  test(`the forge ${what}, to REST and to git, while pushes go on`, (t) => {
    const { github } = ground.scene
    return whileAway(
      t,
      `forge ${what}`,
      async () => github.setOutage('reads', form),
      async () => github.setOutage('none')
    )
  })
}
