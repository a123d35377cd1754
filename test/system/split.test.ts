import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startRedis, waitFor } from '@slipway/machine'
import { parse } from 'yaml'
import { call, createScene, saying, stackOf } from './scene.ts'
import { end, type SplitInstallation, startSplit } from './split.ts'

test('services of their own work together; a builder that is killed in a build is followed by another, and the build ends once', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-split-'))
  const redis = await startRedis({ directory })
  const scene = await createScene({ REDIS_URL: redis.url }, startSplit)
  t.after(async () => {
    await scene.close()
    await redis.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const installation = scene.installation as SplitInstallation
  const { api } = installation
  const first = await installation.add('builder')

  const repository = await scene.repository({ owner: 'alice' })
  const hello = await repository.push({
    'stack.yml': stackOf({ hello: {} }),
    'hello/handler.js': saying('each by itself')
  })
  assert.equal((await repository.ended(hello)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'each by itself')
  await knowsMetrics([`${installation.endpoints.gateway}/metrics`, `${installation.health}/metrics`])

  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {}, slow: { lang: 'dockerfile' } }),
    'slow/Dockerfile': [
      `FROM ${process.env.BASE_NODE}`,
      `RUN echo started ${Date.now()} && sleep 4`,
      'COPY serve.mjs .',
      'USER 10001',
      'CMD ["node", "serve.mjs"]',
      ''
    ].join('\n'),
    'slow/serve.mjs':
      "import { createServer } from 'node:http'\ncreateServer((_req, res) => res.end('by the second')).listen(8080)\n"
  })
  const build = await waitFor(async () => (await api.listBuilds({ commit, status: 'building' })).items[0] ?? null, {
    timeoutMs: 60_000
  })
  const isStarted = async () =>
    (await Array.fromAsync(api.followLog(build.id, { follow: false }))).some(({ text }) => text.includes('started'))
  await waitFor(isStarted, { timeoutMs: 60_000, what: 'the RUN step' })
  await installation.add('builder')
  await end(first, 'SIGKILL')

  const ended = await repository.ended(commit)
  assert.deepEqual([ended.id, ended.status, ended.attempt], [build.id, 'live', 0])
  assert.ok((ended.generation ?? 0) > (build.generation ?? 0), 'it was claimed anew')
  assert.equal((await call(scene, '/function/alice-slow')).body, 'by the second')
  assert.equal((await api.listBuilds({ commit })).items.length, 1)
})

/** What the dashboard and the rules of infra/monitoring ask for, these services tell. */
async function knowsMetrics(urls: string[]): Promise<void> {
  const told = await Promise.all(urls.map(async (url) => (await fetch(url)).text()))
  const names = new Set(told.join('\n').match(/^[a-z_]+(?=[ {])/gm))
  for (const file of ['prometheus-rules.yaml', 'grafana-dashboard.json']) {
    const text = await readFile(new URL(`../../infra/monitoring/${file}`, import.meta.url), 'utf8')
    const asked = new Set(
      expressionsIn(parse(text)).flatMap((one) => one.match(/\b(?:gateway|slipway)_[a-z_]+/g) ?? [])
    )
    assert.ok(asked.size > 3, `${file} asks for something`)
    assert.deepEqual(
      [...asked].filter((name) => !names.has(name)),
      [],
      file
    )
  }
}

function expressionsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    (name === 'expr' || name === 'query') && typeof inner === 'string' ? [inner] : expressionsIn(inner)
  )
}
