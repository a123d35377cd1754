import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { connectDocker } from '@slipway/machine'
import { createLogger, loadConfig } from '@slipway/service'
import Docker from 'dockerode'
import { type BuildCheckDeps, checkBuilds } from './check-builds.ts'
import { BuilderConfig } from './config.ts'

const signal = AbortSignal.timeout(120_000)

async function open(t: TestContext) {
  const docker = new Docker((await connectDocker({ dockerHost: process.env.DOCKER_HOST ?? '' })).connection)
  const installation = `test-${randomUUID()}`
  const filters = { label: [`com.slipway.installation=${installation}`] }
  const images = () => docker.listImages({ filters })
  t.after(async () => {
    for (const { Id } of await images()) await docker.getImage(Id).remove({ force: true })
  })
  return {
    async check(env: Record<string, string> = {}, change: Partial<BuildCheckDeps> = {}) {
      const deps = { installation, isLocal: true, logger: createLogger('test', 'silent'), now: Date.now, ...change }
      const found = await checkBuilds(loadConfig(BuilderConfig, env), deps, signal)
      return Object.fromEntries(found.map((finding) => [finding.name, finding]))
    },
    async leftOvers() {
      const containers = await docker.listContainers({ all: true, filters })
      const networks = await docker.listNetworks({ filters })
      const probes = (await docker.listImages()).filter(({ RepoTags }) =>
        (RepoTags ?? []).some((name) => name.startsWith('slipway/probe-'))
      )
      return { containers, networks, images: [...(await images()), ...probes] }
    }
  }
}

test('a probe build tells what is kept from builds and what they reach, and nothing of it stays', async (t) => {
  const { check, leftOvers } = await open(t)
  const { 'builds (shared)': shared, 'builds (strict)': strict } = await check()
  assert.match(shared?.detail ?? '', /^a build reaches what listens on this machine \(tried by [\d.]+\)/)
  assert.equal(strict?.isOk, true, strict?.detail)
  assert.match(
    strict?.detail ?? '',
    /its memory, its processes \(\d+\), its share of the processor \(\d+ ms in 1000 ms\)/
  )
  assert.match(strict?.detail ?? '', /neither this machine \(10\.201\.[\d.]+\) nor 169\.254\.169\.254/)
  assert.deepEqual(await leftOvers(), { containers: [], networks: [], images: [] })
})

test('the classic builder is tried like BuildKit, and nothing of it stays', async (t) => {
  const { check, leftOvers } = await open(t)
  const { 'builds (shared)': shared } = await check({ BUILD_MODE: 'classic' })
  assert.match(shared?.detail ?? '', /^a build reaches what listens on this machine/)
  assert.deepEqual(await leftOvers(), { containers: [], networks: [], images: [] })
})

test('where strict is not to be had it says why, which only counts as wrong where builds are to be strict', async (t) => {
  const { check } = await open(t)
  const off = await check({ FIREWALL: 'off' })
  assert.equal(off['builds (strict)']?.isOk, true)
  assert.match(off['builds (strict)']?.detail ?? '', /^not to be had on this machine: .*switched off by configuration/)
  const wanted = await check({ FIREWALL: 'off', BUILD_ISOLATION: 'strict' })
  assert.equal(wanted['builds (strict)']?.isOk, false)
  assert.match(wanted['builds (strict)']?.detail ?? '', /switched off by configuration/)
})

test('an engine on another machine is left alone, and said so', async (t) => {
  const { check } = await open(t)
  const { builds, ...others } = await check({}, { isLocal: false })
  assert.deepEqual(others, {})
  assert.match(builds?.detail ?? '', /^not tried: the engine is on another machine/)
})
