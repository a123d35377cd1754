import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ask,
  readBody,
  routeTo,
  startFunction,
  startTestGateway,
  type TestFunction,
  until
} from './gateway-for-test.ts'

const deployment = (id: string, { endpoint }: TestFunction) => routeTo('fn', [endpoint], { deploymentId: id })

/** Calls all the time, slow uploads among it, and counts what was not answered well. */
function startCallers(t: TestContext, port: number) {
  const agent = new Agent({ keepAlive: true })
  let isStopped = false
  let answered = 0
  const failed: unknown[] = []
  const versions = new Set<string>()

  function call(isSlow: boolean): Promise<void> {
    return new Promise((resolve) => {
      const headers = { host: 'alice.localhost', ...(isSlow ? {} : { 'content-length': '4' }) }
      const req = request({ port, agent, method: 'POST', path: '/fn', headers }, async (res) => {
        const body = await readBody(res)
        if (res.statusCode === 200) versions.add(body)
        else failed.push(`${res.statusCode} ${body}`)
        answered += 1
        resolve()
      })
      req.on('error', (err) => {
        failed.push(err)
        resolve()
      })
      if (isSlow) {
        req.write('slow')
        setTimeout(() => req.end('end'), 60)
      } else req.end('body')
    })
  }

  const callers = Array.from({ length: 12 }, async (_none, i) => {
    while (!isStopped) await call(i % 4 === 0)
  })
  const stop = async () => {
    isStopped = true
    await Promise.all(callers)
    agent.destroy()
    return failed
  }
  t.after(stop)
  return { versions, stop, answered: () => answered }
}

test('a switch under load fails no call, when the former deployment stops as soon as nobody calls it', async (t) => {
  const start = (version: string) => startFunction(t, (req, res) => req.resume().on('end', () => res.end(version)))
  let current = await start('v0')
  const { port, setRoutes, reports } = await startTestGateway(t, [deployment('d0', current)])
  const callers = startCallers(t, port)
  for (let n = 1; n <= 6; n += 1) {
    await until(() => callers.versions.has(`v${n - 1}`) && callers.answered() > n * 20)
    const former = current
    current = await start(`v${n}`)
    await setRoutes([deployment(`d${n}`, current)])
    // What `deployer` waits for before it stops the former one.
    await until(() => (reports.at(-1)?.inFlight[`d${n - 1}`] ?? 0) === 0)
    await former.close()
  }
  await until(() => callers.versions.has('v6'))
  assert.deepEqual(await callers.stop(), [])
})

test('a switch counts a call where it began: on the former deployment until its answer has ended', async (t) => {
  const finish: (() => void)[] = []
  const former = await startFunction(t, (_req, res) => {
    res.write('former')
    finish.push(() => res.end())
  })
  const next = await startFunction(t, (_req, res) => res.end('next'))
  const { port, setRoutes, reports } = await startTestGateway(t, [deployment('d1', former)])
  const first = ask(port, { path: '/fn' })
  await until(() => finish.length === 1)
  await setRoutes([deployment('d2', next)])
  assert.deepEqual(reports.at(-1)?.inFlight, { d1: 1 }, 'told at once after the swap')
  assert.equal((await ask(port, { path: '/fn' })).body, 'next')
  await sleep(600)
  assert.deepEqual(reports.at(-1)?.inFlight, { d1: 1 })
  const told = reports.length
  finish[0]?.()
  assert.equal((await first).body, 'former')
  await until(() => reports.length > told)
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
  assert.equal(new Set(reports.map(({ gatewayId }) => gatewayId)).size, 1)
})

test('a switch back to a deployment that still has calls goes on counting them', async (t) => {
  const finish: (() => void)[] = []
  const first = await startFunction(t, (_req, res) => finish.push(() => res.end('first')))
  const second = await startFunction(t, (_req, res) => res.end('second'))
  const { port, setRoutes, reports } = await startTestGateway(t, [deployment('d1', first)])
  const calls = [ask(port, { path: '/fn' })]
  await until(() => finish.length === 1)
  await setRoutes([deployment('d2', second)])
  await setRoutes([deployment('d1', first)])
  calls.push(ask(port, { path: '/fn' }))
  await until(() => finish.length === 2)
  await until(() => reports.at(-1)?.inFlight.d1 === 2)
  for (const end of finish) end()
  for (const answer of await Promise.all(calls)) assert.equal(answer.body, 'first')
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
})

test('a switch whose signal was lost is seen within the time of a look', async (t) => {
  const [former, next] = await Promise.all(
    ['former', 'next'].map((name) => startFunction(t, (_req, res) => res.end(name)))
  )
  assert.ok(former && next)
  const { port, setRoutesSilently, reports } = await startTestGateway(t, [deployment('d1', former)])
  setRoutesSilently([deployment('d2', next)])
  await until(() => reports.at(-1)?.routesVersion === 2)
  assert.equal((await ask(port, { path: '/fn' })).body, 'next')
})

test('a change of replicas keeps those that stay', async (t) => {
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startFunction(t, (_req, res) => res.end(name))))
  assert.ok(a && b)
  const scaled = (...functions: TestFunction[]) => [
    routeTo(
      'fn',
      functions.map(({ endpoint }) => endpoint),
      { deploymentId: 'd1' }
    )
  ]
  const { port, setRoutes } = await startTestGateway(t, scaled(a))
  const answers = async () => {
    const got = []
    for (let i = 0; i < 4; i += 1) got.push((await ask(port, { path: '/fn' })).body)
    return got.toSorted().join('')
  }
  assert.equal(await answers(), 'aaaa')
  await setRoutes(scaled(a, b))
  assert.equal(await answers(), 'aabb')
  await setRoutes(scaled(b))
  assert.equal(await answers(), 'bbbb')
  await setRoutes([])
  assert.equal((await ask(port, { path: '/fn' })).status, 404)
})

test('the last routes serve while the store is away, and a switch is seen when it is back', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('ok'))
  const gateway = await startTestGateway(t, [deployment('d1', fn)])
  gateway.storeIsAway(true)
  await sleep(1100)
  assert.equal((await ask(gateway.port, { path: '/fn' })).body, 'ok')
  gateway.setRoutesSilently([])
  gateway.storeIsAway(false)
  await until(() => gateway.reports.at(-1)?.routesVersion === 2)
  assert.equal((await ask(gateway.port, { path: '/fn' })).status, 404)
})
