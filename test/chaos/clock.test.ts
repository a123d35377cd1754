import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { keepEvidence } from './evidence.ts'
import { createGround } from './ground.ts'

const hourMs = 3600_000

test('the clock jumps an hour forth, two hours back and then right again, with a builder that is killed each time', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-clock-'))
  const clockFile = join(directory, 'clock')
  const setClock = (offsetMs: number) => writeFile(clockFile, String(offsetMs))
  await setClock(0)
  const ground = await createGround({
    repositories: 2,
    owners: 2,
    env: { CLOCK_FILE: clockFile },
    callers: { concurrency: 2, pauseMs: 50 },
    preload: fileURLToPath(new URL('clock.mjs', import.meta.url))
  })
  t.after(async () => {
    await ground.close()
    await rm(directory, { recursive: true, force: true })
  })
  const { subjects, fleet } = ground
  const pushToAll = async () => {
    for (const subject of subjects) {
      await subject.push({ change: { kind: 'words' }, arrival: { afterMs: [0] } }, fleet.relay)
    }
  }
  await pushToAll()
  for (const offsetMs of [hourMs, -hourMs, 0]) {
    await pushToAll()
    await sleep(1500)
    const builder = fleet.members.get('builder')
    await builder?.kill()
    await setClock(offsetMs)
    await sleep(300)
    await builder?.start()
    await pushToAll()
    const pushedAt = performance.now()
    const problems = await ground.judge(100_000)
    t.diagnostic(`whole again after ${((performance.now() - pushedAt) / 1000).toFixed(1)} s`)
    if (problems.length > 0) problems.push(`logs and store are kept in ${await keepEvidence(ground, 'clock')}`)
    assert.deepEqual(problems, [], `with the clock ${offsetMs / 60_000} minutes ahead`)
  }
})
