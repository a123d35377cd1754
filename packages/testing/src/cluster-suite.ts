import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Cluster,
  type Deployment,
  type Endpoint,
  endpointUrl,
  Failure,
  type FailureCode,
  type ImageReference
} from '@slipway/domain'
import { type DeploymentChange, deploymentOf } from './deployment.ts'
import { specOf } from './seed.ts'

/** What a cluster needs to be put through the port's contract. It is opened once for the suite. */
export interface ClusterHarness {
  cluster: Cluster
  /** The same, but it gives a function hardly any time to become ready. */
  impatient: Cluster
  /** The cluster of another installation on the same machine. */
  other: Cluster
  /** A cluster of the same kind that nobody answers for. */
  away: Cluster
  /** Of `functionImage`, or what stands in for it. */
  image: ImageReference
  /** An image that no registry has. */
  missingImage: ImageReference
  /** Stops a deployment's replicas from outside, as a reboot does; null for a cluster that starts them again by itself. */
  stopReplicas: ((deploymentId: string) => Promise<void>) | null
  /** Can it be told which of a replica's streams a line came from? Where not, all is `stdout`. */
  tellsStreams: boolean
  /** Can it be told that a function ended, and with which code? Where not, it did not become ready in time. */
  tellsExits: boolean
  /** Has each replica an endpoint of its own? Where not, the cluster shares calls out, and all have the deployment's. */
  hasOwnEndpoints: boolean
  /** Has a replica print a line while it runs. */
  print(deployment: Deployment, text: string): Promise<void>
  /** Asks a replica; null where the endpoints are made up. */
  fetch: ((endpoint: Endpoint, path: string) => Promise<string>) | null
  close(): Promise<void>
}

const limitMs = 60_000
const quick = { ...specOf('hello').readiness, timeoutMs: 500, failureThreshold: 1 }
const linux = ['node.platform.os == linux']

/** The port's contract: every cluster passes all of it. */
export function testCluster(name: string, open: () => Promise<ClusterHarness>): void {
  void describe(`${name} as a cluster`, () => {
    let harness: ClusterHarness
    before(async () => {
      harness = await open()
    })
    after(() => harness.close())

    const signal = () => AbortSignal.timeout(limitMs)
    const make = (change: DeploymentChange = {}) => deploymentOf({ image: harness.image, ...change })
    const find = async (deployment: Deployment) =>
      (await harness.cluster.list(signal())).find(({ deploymentId }) => deploymentId === deployment.id)
    const remove = (deployment: Deployment) => harness.cluster.remove(deployment.id, 0, signal())

    test('a deployment gets its replicas, each with an endpoint, and is listed', async () => {
      const deployment = make({ replicas: 2, behaviour: { answer: 'first' }, spec: { constraints: linux } })
      const startedAt = Date.now()
      const endpoints = await harness.cluster.apply(deployment, signal())
      assert.equal(endpoints.length, 2)
      assert.equal(new Set(endpoints.map(endpointUrl)).size, harness.hasOwnEndpoints ? 2 : 1)
      const object = await find(deployment)
      const { clusterName, ownerSlug } = deployment
      const createdAt = object?.createdAt ?? 0
      assert.ok(createdAt >= startedAt && createdAt < Date.now() + 1000, 'when it was made')
      const sorted = object?.endpoints.toSorted((a, b) => a.host.localeCompare(b.host))
      assert.deepEqual(
        { ...object, endpoints: sorted },
        {
          deploymentId: deployment.id,
          clusterName,
          ownerSlug,
          replicas: 2,
          availableReplicas: 2,
          createdAt,
          endpoints: endpoints.toSorted((a, b) => a.host.localeCompare(b.host))
        }
      )
      if (harness.fetch !== null) {
        for (const endpoint of endpoints) assert.equal(await harness.fetch(endpoint, '/'), 'first')
      }
      await remove(deployment)
    })

    test('applying again changes nothing', async () => {
      const deployment = make()
      const endpoints = await harness.cluster.apply(deployment, signal())
      assert.deepEqual(await harness.cluster.apply(deployment, signal()), endpoints)
      assert.equal((await find(deployment))?.replicas, 1)
      await remove(deployment)
    })

    test('the same deployment applied twice at once is there once', async () => {
      const deployment = make({ behaviour: { readyAfterMs: 100 } })
      const [one, two] = await Promise.all([
        harness.cluster.apply(deployment, signal()),
        harness.cluster.apply(deployment, signal())
      ])
      assert.deepEqual(one, two)
      assert.equal((await find(deployment))?.replicas, 1)
      await remove(deployment)
    })

    test('two deployments of one function run side by side until one is removed', async () => {
      if (harness.cluster.capabilities.switch !== 'atomic') return
      const former = make({ behaviour: { answer: 'former' } })
      const next = make({ behaviour: { answer: 'next' }, generation: 2 })
      const [formerEndpoint] = await harness.cluster.apply(former, signal())
      const [nextEndpoint] = await harness.cluster.apply(next, signal())
      assert.notDeepEqual(formerEndpoint, nextEndpoint)
      if (harness.fetch !== null && formerEndpoint !== undefined && nextEndpoint !== undefined) {
        assert.equal(await harness.fetch(formerEndpoint, '/'), 'former')
        assert.equal(await harness.fetch(nextEndpoint, '/'), 'next')
      }
      await remove(former)
      assert.equal(await find(former), undefined)
      assert.equal((await find(next))?.availableReplicas, 1)
      await remove(next)
    })

    test('a function whose ready path never answers 2xx is refused with path and answer, and taken away', async () => {
      const deployment = make({ behaviour: { readyStatus: 500 }, spec: { readiness: quick } })
      await rejects(harness.impatient.apply(deployment, signal()), 'not-ready', /\/_\/ready.*500/)
      assert.equal(await find(deployment), undefined)
    })

    test('a function that exits at once is refused with its code and last lines, and taken away', async () => {
      const deployment = make({ behaviour: { exitCode: 3, print: ['cannot find module left-pad'] }, replicas: 2 })
      if (harness.tellsExits) {
        await rejects(harness.cluster.apply(deployment, signal()), 'not-ready', /code 3[\s\S]*left-pad/)
      } else {
        await rejects(harness.impatient.apply(deployment, signal()), 'not-ready', /left-pad/)
      }
      assert.equal(await find(deployment), undefined)
    })

    test('an image that no registry has is told apart', async () => {
      const deployment = make({ image: harness.missingImage })
      await rejects(harness.cluster.apply(deployment, signal()), 'image-missing', /./)
      assert.equal(await find(deployment), undefined)
    })

    test('a constraint that cannot hold is refused by name', async () => {
      const deployment = make({ spec: { constraints: [...linux, 'node.labels.disk == floppy'] } })
      await rejects(harness.cluster.apply(deployment, signal()), 'unsupported', /node\.labels\.disk == floppy/)
      assert.equal(await find(deployment), undefined)
    })

    test('removing is done once and harmless afterwards', async () => {
      const deployment = make({ replicas: 2 })
      await harness.cluster.apply(deployment, signal())
      await Promise.all([remove(deployment), remove(deployment)])
      assert.equal(await find(deployment), undefined)
      await remove(deployment)
      await harness.cluster.remove(randomUUID(), 1000, signal())
    })

    test('a deployment that is removed while it starts does not come up', async () => {
      const deployment = make({ behaviour: { readyAfterMs: 20_000 } })
      const applied = rejects(harness.cluster.apply(deployment, signal()), 'cancelled', /removed/)
      await until(async () => (await find(deployment)) !== undefined)
      await remove(deployment)
      await applied
      assert.equal(await find(deployment), undefined)
    })

    test('an apply that is given up ends at once and can be done again', async () => {
      const deployment = make({ behaviour: { readyAfterMs: 1500 } })
      const reason = new Error('given up')
      const controller = new AbortController()
      const applied = assert.rejects(harness.cluster.apply(deployment, controller.signal), reason)
      await until(async () => (await find(deployment)) !== undefined)
      controller.abort(reason)
      await applied
      assert.equal((await harness.cluster.apply(deployment, signal())).length, 1)
      await remove(deployment)
    })

    test('scaling adds and takes replicas, down to none', async () => {
      const deployment = make()
      const [first] = await harness.cluster.apply(deployment, signal())
      const three = await harness.cluster.scale(deployment, 3, signal())
      assert.equal(three.length, 3)
      assert.ok(three.some((endpoint) => endpoint.host === first?.host && endpoint.port === first.port))
      assert.equal((await find(deployment))?.availableReplicas, 3)
      const [left, ...others] = await harness.cluster.scale(deployment, 1, signal())
      assert.deepEqual([three.some((endpoint) => endpoint.host === left?.host), others], [true, []])
      assert.equal((await find(deployment))?.replicas, 1)
      assert.deepEqual(await harness.cluster.scale(deployment, 0, signal()), [])
      assert.equal((await harness.cluster.scale(deployment, 1, signal())).length, 1)
      await remove(deployment)
    })

    test('replicas that stopped are shown as not available, and run again after an apply', async () => {
      if (harness.stopReplicas === null) return
      const deployment = make({ replicas: 2 })
      await harness.cluster.apply(deployment, signal())
      await harness.stopReplicas(deployment.id)
      const stopped = await find(deployment)
      assert.deepEqual([stopped?.replicas, stopped?.availableReplicas, stopped?.endpoints], [2, 0, []])
      assert.equal((await harness.cluster.apply(deployment, signal())).length, 2)
      assert.equal((await find(deployment))?.availableReplicas, 2)
      await remove(deployment)
    })

    test('the log has what the replicas printed, by stream, in the order of time', async () => {
      const deployment = make({ behaviour: { print: ['one', 'two'], printError: ['three'] } })
      await harness.cluster.apply(deployment, signal())
      await sleep(20)
      await harness.print(deployment, 'four')
      const options = { follow: false, since: null, tail: null }
      const read = () => Array.fromAsync(harness.cluster.logs(deployment.id, options, signal()))
      let lines = await read()
      // What a replica prints is written down a moment after.
      await until(async () => (lines = await read()).length === 4)
      const byStream = (stream: string) => lines.filter((line) => line.stream === stream).map(({ text }) => text)
      if (harness.tellsStreams) {
        assert.deepEqual(byStream('stdout'), ['one', 'two', 'four'])
        assert.deepEqual(byStream('stderr'), ['three'])
      } else {
        assert.deepEqual(byStream('stdout').toSorted(), ['four', 'one', 'three', 'two'])
      }
      assert.deepEqual(
        lines.map(({ at }) => at),
        lines.map(({ at }) => at).toSorted((a, b) => a - b)
      )
      const last = await Array.fromAsync(harness.cluster.logs(deployment.id, { ...options, tail: 1 }, signal()))
      assert.deepEqual(
        last.map(({ text }) => text),
        ['four']
      )
      const since = last[0]?.at ?? 0
      const later = await Array.fromAsync(harness.cluster.logs(deployment.id, { ...options, since }, signal()))
      assert.deepEqual(
        later.map(({ text }) => text),
        ['four']
      )
      await remove(deployment)
      assert.deepEqual(await Array.fromAsync(harness.cluster.logs(deployment.id, options, signal())), [])
    })

    test('a log that is followed tells new lines and ends when the deployment is removed', async () => {
      const deployment = make({ behaviour: { print: ['begin'] } })
      await harness.cluster.apply(deployment, signal())
      const texts: string[] = []
      const followed = (async () => {
        const options = { follow: true, since: null, tail: null }
        for await (const { text } of harness.cluster.logs(deployment.id, options, signal())) texts.push(text)
      })()
      await until(() => Promise.resolve(texts.includes('begin')))
      await harness.print(deployment, 'more')
      await until(() => Promise.resolve(texts.includes('more')))
      await remove(deployment)
      await followed
      assert.deepEqual(texts, ['begin', 'more'])
    })

    test('a log that is followed ends when its reader goes', async () => {
      const deployment = make({ behaviour: { print: ['begin'] } })
      await harness.cluster.apply(deployment, signal())
      const controller = new AbortController()
      const options = { follow: true, since: null, tail: null }
      for await (const { text } of harness.cluster.logs(deployment.id, options, controller.signal)) {
        assert.equal(text, 'begin')
        controller.abort()
      }
      await remove(deployment)
    })

    test('another installation neither sees nor touches it', async () => {
      const deployment = make()
      await harness.cluster.apply(deployment, signal())
      assert.deepEqual(await harness.other.list(signal()), [])
      await harness.other.remove(deployment.id, 0, signal())
      assert.equal((await find(deployment))?.availableReplicas, 1)
      await remove(deployment)
    })

    test('with nobody answering every call fails as unavailable, quickly', async () => {
      const startedAt = Date.now()
      const deployment = make()
      await rejects(harness.away.apply(deployment, signal()), 'unavailable', /./)
      await rejects(harness.away.list(signal()), 'unavailable', /./)
      await rejects(harness.away.remove(deployment.id, 0, signal()), 'unavailable', /./)
      await rejects(harness.away.scale(deployment, 2, signal()), 'unavailable', /./)
      assert.ok(Date.now() - startedAt < 10_000)
    })

    test('the checks are lines with a name and a sentence', async () => {
      const findings = await harness.cluster.check(signal())
      assert.ok(findings.length > 0)
      for (const { name, isOk, detail } of findings) {
        assert.match(name, /^[a-z][a-z -]*$/)
        assert.equal(typeof isOk, 'boolean')
        assert.notEqual(detail, '')
      }
    })
  })
}

async function rejects(work: Promise<unknown>, code: FailureCode, message: RegExp): Promise<void> {
  await assert.rejects(work, (err: unknown) => {
    assert.ok(err instanceof Failure, String(err))
    assert.equal(err.code, code, err.message)
    assert.match(err.message, message)
    return true
  })
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await isTrue())) {
    assert.ok(Date.now() < end, 'it did not come about in time')
    await sleep(10)
  }
}
