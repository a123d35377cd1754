import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Failure, type FailureCode } from '@slipway/domain'
import { startRegistry, waitFor } from '@slipway/machine'
import type Docker from 'dockerode'
import { aBuild, makeBase, openRegistry, startEngine, untilDuring } from './engine.fixture.ts'
import { openSlowRegistry } from './slow-registry.fixture.ts'

const signal = new AbortController().signal

const failsWith = (code: FailureCode, text?: RegExp) => (err: unknown) => {
  assert.ok(err instanceof Failure, String(err))
  assert.equal(err.code, code, err.message)
  if (text !== undefined) assert.match(err.message, text)
  return true
}

/** Processes of this machine with these arguments: the engine's, too. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text)
      } catch {
        return false // ended meanwhile
      }
    })
}

const uniqueSeconds = () => `600.${Math.floor(Math.random() * 1e9)}`

for (const mode of ['buildkit', 'classic'] as const) {
  const named = (name: string, run: (t: TestContext) => Promise<void>): void => {
    void test(`${mode}: ${name}`, run)
  }

  named('an image is built with its arguments and labels, and the log tells steps from output', async (t) => {
    const { engine, docker, installation } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const { build, lines, text } = aBuild(
      {
        'sub/Dockerfile': `ARG BASE\nFROM $BASE\nCOPY a.txt /a.txt\nARG WORD\nRUN echo "$WORD"; echo wrong >&2; printf '1%%\\r50%%\\r100%%\\n'\n`,
        'a.txt': `${Math.random()}`
      },
      { dockerfile: 'sub/Dockerfile', buildArgs: { BASE: base, WORD: 'hello' }, labels: { 'com.example.key': 'v "1"' } }
    )
    const { imageId } = await engine.build(build, signal)
    const image = await docker.getImage(build.reference).inspect()
    assert.equal(image.Id, imageId)
    assert.equal(image.Config.Labels['com.slipway.installation'], installation)
    assert.equal(image.Config.Labels['com.example.key'], 'v "1"')
    const output = lines
      .filter(({ stream }) => stream !== 'slipway')
      .map(({ stream, text: line }) => `${stream} ${line}`)
    assert.deepEqual(output.sort(), ['stderr wrong', 'stdout 100%', 'stdout hello'])
    assert.match(text(), /slipway: \[\d\/\d\] RUN echo/)

    const again = aBuild({}, { ...build, onLog: () => {} })
    assert.equal((await engine.build(again.build, signal)).imageId, imageId)
    const fresh = await engine.build({ ...build, noCache: true }, signal)
    assert.notEqual(fresh.imageId, imageId)
    await engine.removeUnnamed(signal)
    await assert.rejects(docker.getImage(imageId).inspect(), { statusCode: 404 })
  })

  named('a failing step is named with its exit code, and leaves nothing behind', async (t) => {
    const { engine, docker } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const { build, text } = aBuild({
      Dockerfile: `FROM ${base}\nCOPY a /a\nRUN echo no; exit 3\n`,
      a: `${Math.random()}`
    })
    await assert.rejects(
      engine.build(build, signal),
      failsWith('build-failed', /^exit code 3 in `RUN echo no; exit 3`$/)
    )
    assert.match(text(), /stdout: no/)
    assert.deepEqual(await leftOvers(docker, base), [])
  })

  named('lines arrive while the step runs', async (t) => {
    const { engine, docker } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const times = new Map<string, number>()
    const { build } = aBuild(
      { Dockerfile: `FROM ${base}\nRUN echo first; sleep 1.5; echo last; printf unfinished\n` },
      { onLog: ({ text }) => times.set(text, performance.now()), noCache: true }
    )
    await engine.build(build, signal)
    assert.ok((times.get('last') ?? 0) - (times.get('first') ?? Infinity) > 1000)
    assert.ok(times.has('unfinished'))
  })

  named('an aborted build ends in the engine within two seconds and leaves nothing behind', async (t) => {
    const { engine, docker } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const seconds = uniqueSeconds()
    const abort = new AbortController()
    const { build } = aBuild({ Dockerfile: `FROM ${base}\nCOPY a /a\nRUN sleep ${seconds}\n`, a: seconds })
    const building = engine.build(build, abort.signal)
    const isThere = () => processesWith(`sleep ${seconds}`).length > 0
    await untilDuring(building, isThere, { what: 'the step', timeoutMs: 10_000 })
    const startedAt = performance.now()
    const reason = new Failure('cancelled', 'cancelled by its owner')
    abort.abort(reason)
    await assert.rejects(building, (err) => err === reason)
    await waitFor(() => processesWith(`sleep ${seconds}`).length === 0, { what: 'its end', timeoutMs: 10_000 })
    const leftMs = 2000 - (performance.now() - startedAt)
    assert.ok(leftMs > 0, `${2000 - leftMs} ms`)
    // The engine tidies up after the process has ended: within the two seconds, too.
    const what = 'the engine to have nothing of it'
    await waitFor(async () => (await leftOvers(docker, base)).length === 0, { what, timeoutMs: leftMs })
  })

  named('a build that takes too long is ended in the engine too', async (t) => {
    const { engine, docker } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const seconds = uniqueSeconds()
    const { build } = aBuild({ Dockerfile: `FROM ${base}\nRUN sleep ${seconds}\n` }, { timeoutMs: 2000 })
    await assert.rejects(engine.build(build, signal), failsWith('timed-out', /longer than 2 s/))
    await waitFor(() => processesWith(`sleep ${seconds}`).length === 0, { what: 'its end', timeoutMs: 2000 })
  })

  named('a gigabyte of output is cut, and memory stays flat', async (t) => {
    const { engine, docker } = await startEngine(t, { mode, logLimits: { bytes: 128 * 1024, line: 16 * 1024 } })
    const base = await makeBase(t, docker)
    // The classic builder takes 20 s for a whole one.
    const size = mode === 'buildkit' ? 1_000_000_000 : 200_000_000
    let bytes = 0
    const said: string[] = []
    const { build } = aBuild(
      { Dockerfile: `FROM ${base}\nRUN yes 0123456789012345678901234567890123456789 | head -c ${size}\n` },
      {
        noCache: true,
        onLog: ({ stream, text }) => {
          bytes += text.length + 1
          if (stream === 'slipway') said.push(text)
        }
      }
    )
    const rssBefore = process.memoryUsage().rss
    await engine.build(build, signal)
    assert.ok(bytes < 150 * 1024, `${bytes}`)
    assert.equal(said.filter((text) => text.startsWith('the log is cut here')).length, 1)
    assert.ok(process.memoryUsage().rss - rssBefore < 200 * 1024 * 1024)
  })

  named("a Dockerfile that cannot be built is its owner's fault, a registry that is away is not", async (t) => {
    const { engine } = await startEngine(t, { mode })
    const attempt = (Dockerfile: string) => engine.build(aBuild({ Dockerfile }).build, signal)
    await assert.rejects(attempt('FOO bar\n'), failsWith('build-failed', /unknown instruction: FOO/i))
    await assert.rejects(attempt('FROM scratch\nCOPY nope /\n'), failsWith('build-failed', /nope/))
    await assert.rejects(attempt(''), failsWith('build-failed', /empty/))
    await assert.rejects(attempt('FROM scratch\nRUN --security=insecure id\n'), failsWith('build-failed'))
    await assert.rejects(attempt('FROM 127.0.0.1:1/away:1\n'), failsWith('unavailable', /127\.0\.0\.1:1\/away:1/))
    await assert.rejects(attempt('# SYNTAX = evil/frontend\nFROM scratch\n'), failsWith('unsupported', /Dockerfile:1/))
    await assert.rejects(engine.build(aBuild({ x: '' }).build, signal), failsWith('build-failed', /no Dockerfile/))
    const args = { BUILDKIT_SYNTAX: 'evil/frontend' }
    await assert.rejects(
      engine.build(aBuild({ Dockerfile: 'FROM scratch\n' }, { buildArgs: args }).build, signal),
      failsWith('unsupported', /BUILDKIT_SYNTAX/)
    )
  })

  named('builds run side by side, each with its own log', async (t) => {
    const { engine, docker } = await startEngine(t, { mode })
    const base = await makeBase(t, docker)
    const builds = ['one', 'two', 'three'].map((word) => ({
      word,
      ...aBuild({ Dockerfile: `FROM ${base}\nRUN sleep 0.5; echo ${word}\n` })
    }))
    await Promise.all(builds.map(({ build }) => engine.build(build, signal)))
    for (const { word, lines } of builds) {
      assert.deepEqual(
        lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text),
        [word]
      )
    }
  })

  named('a base image in a registry that asks for a password is fetched with it', async (t) => {
    const auth = { username: 'slipway', password: 'open sesame' }
    const registry = await openRegistry(t, auth)
    const { engine, docker } = await startEngine(t, { mode, registryAuth: { [registry.host]: auth } })
    const name = `${registry.host}/base:1`
    const first = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: `${Math.random()}` }, { reference: name })
    await engine.build(first.build, signal)
    await engine.push(name, () => {}, signal)
    await engine.remove(name, signal)
    const second = aBuild({ Dockerfile: `FROM ${name}\nCOPY b /b\n`, b: '' })
    await engine.build(second.build, signal)
    await engine.remove(name, signal)
    const stranger = await startEngine(t, { mode })
    const third = aBuild({ Dockerfile: `FROM ${name}\nCOPY c /c\n`, c: '' })
    await assert.rejects(stranger.engine.build(third.build, signal), failsWith('build-failed', /base/))
    assert.deepEqual(await docker.listImages({ filters: { reference: [name] } }), [])
  })
}

/** Containers, and images without a name, that stand on this base. */
async function leftOvers(docker: Docker, base: string): Promise<string[]> {
  const { Id, RootFS } = await docker.getImage(base).inspect()
  const containers = await docker.listContainers({ all: true, filters: { ancestor: [base] } })
  const images = await docker.listImages({ all: true, filters: { dangling: ['true'] } })
  const found = containers.map((each) => each.Id)
  for (const image of images) {
    const layers = (await docker.getImage(image.Id).inspect()).RootFS.Layers ?? []
    if (image.Id !== Id && layers[0] === RootFS.Layers?.[0]) found.push(image.Id)
  }
  return found
}

test('a pushed image has a digest, exists under it, and is pushed again without a change', async (t) => {
  const registry = await openRegistry(t)
  const { engine } = await startEngine(t)
  const reference = `${registry.host}/alice/app-hello:key`
  const { build } = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: `${Math.random()}` }, { reference })
  await engine.build(build, signal)
  const lines: string[] = []
  const digest = await engine.push(reference, ({ text }) => lines.push(text), signal)
  assert.match(digest, /^sha256:[0-9a-f]{64}$/)
  assert.match(lines.join('\n'), /pushed/)
  assert.equal(await engine.push(reference, () => {}, signal), digest)
  assert.equal(await engine.baseDigest(reference, signal), digest)
  assert.equal(await engine.exists(`${registry.host}/alice/app-hello@${digest}`, signal), true)
  assert.equal(await engine.exists(`${registry.host}/alice/app-hello@sha256:${'0'.repeat(64)}`, signal), false)
  assert.equal(await engine.exists(`${registry.host}/bob/app-hello@${digest}`, signal), false)
  await engine.remove(reference, signal)
  await engine.remove(reference, signal)
})

test('an image that was pushed is kept when a newer build takes its name', async (t) => {
  const registry = await openRegistry(t)
  const { engine, docker } = await startEngine(t)
  const reference = `${registry.host}/alice/app:key`
  const { build } = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: `${Math.random()}` }, { reference })
  const pushed = await engine.build(build, signal)
  const digest = await engine.push(reference, () => {}, signal)
  await engine.build(aBuild({ Dockerfile: 'FROM scratch\nCOPY a /b\n', a: '' }, { reference }).build, signal)
  await engine.removeUnnamed(signal)
  assert.equal((await docker.getImage(`${registry.host}/alice/app@${digest}`).inspect()).Id, pushed.imageId)
})

test('a registry that is away, or does not let us in, is told apart', async (t) => {
  const registry = await openRegistry(t, { username: 'u', password: 'p' })
  const { engine } = await startEngine(t)
  const away = '127.0.0.1:1/alice/app:key'
  const closed = `${registry.host}/alice/app:key`
  for (const reference of [away, closed]) {
    await engine.build(aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: '' }, { reference }).build, signal)
  }
  const digest = `sha256:${'0'.repeat(64)}`
  await assert.rejects(
    engine.push(away, () => {}, signal),
    failsWith('unavailable', /127\.0\.0\.1:1/)
  )
  await assert.rejects(engine.exists(`127.0.0.1:1/alice/app@${digest}`, signal), failsWith('unavailable'))
  await assert.rejects(
    engine.push(closed, () => {}, signal),
    failsWith('forbidden', /password/)
  )
  await assert.rejects(engine.exists(`${registry.host}/alice/app@${digest}`, signal), failsWith('forbidden'))
  await assert.rejects(
    engine.push('slipway-test-none:key', () => {}, signal),
    failsWith('image-missing')
  )
})

test('a push that is aborted ends with the reason', async (t) => {
  const registry = await openRegistry(t)
  const { engine } = await startEngine(t)
  const reference = `${registry.host}/a/b:key`
  await engine.build(aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: '1' }, { reference }).build, signal)
  const reason = new Failure('cancelled', 'enough')
  await assert.rejects(
    engine.push(reference, () => {}, AbortSignal.abort(reason)),
    (err) => err === reason
  )
})

test('a push that is aborted in the middle ends in the engine too', async (t) => {
  const registry = await openSlowRegistry(t)
  const { engine } = await startEngine(t)
  const reference = `${registry.host}/a/b:key`
  const files = { Dockerfile: 'FROM scratch\nCOPY a /a\n', a: randomBytes(32 * 1024 ** 2) }
  await engine.build(aBuild(files, { reference }).build, signal)
  const abort = new AbortController()
  const pushing = engine.push(reference, () => {}, abort.signal)
  pushing.catch(() => {}) // looked at below
  await registry.begun
  const reason = new Failure('cancelled', 'enough')
  abort.abort(reason)
  await assert.rejects(pushing, (err) => err === reason)
  await waitFor(() => registry.uploads() === 0, { what: 'the end of the upload', timeoutMs: 5000 })
})

test('a base image that is not here and cannot be had is told with what to do', async (t) => {
  const registry = await openRegistry(t)
  const { engine } = await startEngine(t)
  await assert.rejects(
    engine.baseDigest(`${registry.host}/no/base:1`, signal),
    failsWith('image-missing', /no\/base:1.*docker load/)
  )
  await assert.rejects(engine.baseDigest('127.0.0.1:1/no/base:1', signal), failsWith('unavailable', /docker import/))
})

test('images of others are not removed', async (t) => {
  const mine = await startEngine(t)
  const other = await startEngine(t)
  const { build } = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: '2' })
  await other.engine.build(build, signal)
  await assert.rejects(mine.engine.remove(build.reference, signal), failsWith('forbidden'))
  await mine.engine.removeUnnamed(signal)
  await other.docker.getImage(build.reference).inspect()
})

test('images that nothing needs are removed; what is needed, young, in use or of others stays', async (t) => {
  const registry = await openRegistry(t)
  const mine = await startEngine(t)
  const other = await startEngine(t)
  const make = async ({ engine }: typeof mine, name: string, isPushed = true) => {
    const reference = `${registry.host}/alice/${name}:key`
    const { build } = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\nCMD ["/a"]\n', a: Math.random().toString() })
    const { imageId } = await engine.build({ ...build, reference }, signal)
    if (isPushed) await engine.push(reference, () => {}, signal)
    return { imageId, pinned: `${registry.host}/alice/${name}@${await engine.registryDigest(reference, signal)}` }
  }
  const [needed, former, used] = [await make(mine, 'needed'), await make(mine, 'former'), await make(mine, 'used')]
  const unpushed = await make(mine, 'unpushed', false)
  const others = await make(other, 'others')
  const container = await mine.docker.createContainer({ Image: used.pinned, Labels: { [mine.label]: '' } })
  t.after(() => container.remove({ force: true }).catch(() => null))
  const left = async () => {
    const all = [needed, former, used, unpushed, others]
    const there = await Promise.all(
      all.map(({ imageId }) =>
        mine.docker
          .getImage(imageId)
          .inspect()
          .then(
            () => true,
            () => false
          )
      )
    )
    return there
  }
  const keep = new Set([needed.pinned])
  assert.equal(await mine.engine.removeUnneeded(keep, Date.now() - 60_000, signal), 0)
  assert.deepEqual(await left(), [true, true, true, true, true], 'they are young')
  await mine.engine.removeUnneeded(keep, Date.now() + 60_000, signal)
  assert.deepEqual(await left(), [true, false, true, false, true])
  await container.remove({ force: true })
  assert.equal(await mine.engine.removeUnneeded(keep, Date.now() + 60_000, signal), 1)
  assert.deepEqual(await left(), [true, false, false, false, true])
})

test('a registry whose disk is full does not take the image, and takes it when there is room', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'registry-full-'))
  // Needs root: without it this fails, and says so.
  const mount = (...options: string[]) => promisify(execFile)('mount', [...options, directory])
  await mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs')
  const registry = await startRegistry({ directory })
  t.after(async () => {
    await registry.stop()
    await promisify(execFile)('umount', [directory])
    await rm(directory, { recursive: true })
  })
  const { engine } = await startEngine(t)
  const reference = `${registry.host}/alice/app:key`
  const { build } = aBuild({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: randomBytes(16 * 1024 ** 2) }, { reference })
  await engine.build(build, signal)
  await assert.rejects(
    engine.push(reference, () => {}, signal),
    failsWith('unavailable', /did not take the image/)
  )
  await mount('-o', 'remount,size=64m')
  const digest = await engine.push(reference, () => {}, signal)
  assert.ok(await engine.exists(`${registry.host}/alice/app@${digest}`, signal))
})

test('an engine that is away is told as such, whatever it was asked for', async (t) => {
  const { engine } = await startEngine(t, { docker: { socketPath: '/nonexistent/docker.sock' } })
  const { build } = aBuild({ Dockerfile: 'FROM scratch\n' })
  const isAway = failsWith('unavailable', /no Docker engine answers/)
  await assert.rejects(engine.platform(signal), isAway)
  await assert.rejects(engine.baseDigest('a:b', signal), isAway)
  await assert.rejects(engine.build(build, signal), isAway)
  await assert.rejects(
    engine.push('a/b:c', () => {}, signal),
    isAway
  )
  await assert.rejects(engine.remove('a/b:c', signal), isAway)
  await assert.rejects(engine.removeUnnamed(signal), isAway)
  await assert.rejects(engine.removeUnneeded(new Set(), 0, signal), isAway)
  await assert.rejects(engine.pruneCache(0, signal), isAway)
  await assert.rejects(engine.dataRoot(signal), isAway)
})
