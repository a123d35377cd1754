import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import Docker from 'dockerode'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { type Load, loadFor } from './gateway-load.ts'
import { createInstalledFunction } from './installed-function.ts'
import { memoryOf } from './processes.ts'
import { byGateway, byNginx, directly, type Way } from './proxies.ts'
import { comparedSpreads, comparedValues, type Result } from './result.ts'
import { createScene, type Scene } from './scene.ts'

const secondsPerRun = 5
const runsLimit = 6
/** By then what grows once has grown: code is compiled, connections are made. */
const warmCalls = 100_000
const allCalls = 1_000_000
/** The memory is looked at whenever so many more were made. */
const callsPerLook = 250_000

/**
 * What the gateway costs: calls of one function of the `node` template through the gateway of a `slipway up` with its own settings,
 * through nginx, and of the function itself, from Debian's `wrk` with 50 connections. They take turns of five seconds; values are medians.
 *
 * `gateway-rps-core`: calls for each second of the processor that the gateway takes, against those of nginx's worker, which keeps its
 * connections to the function as the gateway does. The function, the load and the proxy share the machine: only the proxy's own time
 * tells what it costs. `gateway-rps-core-plain`: the same, against an nginx that is told nothing but `proxy_pass`.
 * `gateway-p99`: the slowest of a hundred, against nginx. `gateway-rps`: calls a second, against nginx; `gateway-rps-direct`: against the
 * function itself.
 *
 * `gateway-memory`: its resident memory after a million calls, the ones above included, against what it was after the first 100,000.
 */
export const gateway: Benchmark = {
  names: [
    'gateway-rps-core',
    'gateway-rps-core-plain',
    'gateway-p99',
    'gateway-rps',
    'gateway-rps-direct',
    'gateway-memory'
  ],
  async run(context) {
    const { signal } = context
    const scene = await createScene()
    try {
      await (await createInstalledFunction(scene, 'alice', signal)).pushSource('hello')
      const endpoint = await endpointOf(scene)
      const nginx = await byNginx(join(scene.directory, 'nginx'), endpoint)
      try {
        const plain = await byNginx(join(scene.directory, 'nginx-plain'), endpoint, 'new')
        try {
          const ways = { gateway: await byGateway(scene, 'alice-hello'), nginx, plain, direct: directly(endpoint) }
          return await measure(ways, context)
        } finally {
          await plain.stop()
        }
      } finally {
        await nginx.stop()
      }
    } finally {
      await scene.close()
    }
  }
}

type Ways = Record<'gateway' | 'nginx' | 'plain' | 'direct', Way>

async function measure(ways: Ways, context: BenchmarkContext): Promise<Result[]> {
  const { rounds, isVerbose, say, signal } = context
  const runs = Math.min(rounds, runsLimit)
  say(`gateway: ${runs} runs of ${secondsPerRun} s each way, then calls up to ${allCalls}`)
  const loads: Record<keyof Ways, Load[]> = { gateway: [], nginx: [], plain: [], direct: [] }
  let calls = 0
  const callGateway = async (seconds: number) => {
    const load = await loadFor(seconds, ways.gateway, signal)
    calls += load.calls
    return load
  }
  const look = async () => {
    const memory = await restingMemory(ways.gateway)
    if (isVerbose) say(`  memory: ${memory.toFixed(1)} MiB after ${calls} calls`)
    return memory
  }
  await look()
  while (calls < warmCalls) await callGateway(secondsPerRun)
  const before = await look()
  const from = calls
  for (let run = 0; run < runs; run++) {
    const names = ['gateway', 'nginx', 'plain', 'direct'] as const
    for (const name of run % 2 === 0 ? names : names.toReversed()) {
      const load =
        name === 'gateway' ? await callGateway(secondsPerRun) : await loadFor(secondsPerRun, ways[name], signal)
      loads[name].push(load)
      if (isVerbose) say(`  ${name.padEnd(8)} ${shown(load)}`)
    }
  }
  let after = before
  while (calls < allCalls) {
    const next = (Math.floor(calls / callsPerLook) + 1) * callsPerLook
    while (calls < next) await callGateway(secondsPerRun)
    after = await look()
  }

  const perCore = (those: Load[]) => those.map((load) => load.perCore ?? 0)
  const rates = (those: Load[]) => those.map((load) => load.perSecond)
  const perSecond = { gateway: rates(loads.gateway), nginx: rates(loads.nginx), direct: rates(loads.direct) }
  const against = { comparison: 'nginx' }
  return [
    comparedSpreads(
      { ...against, name: 'gateway-rps-core', unit: 'req/s', wanted: 'at least 0.3, goal 0.45' },
      perCore(loads.gateway),
      perCore(loads.nginx)
    ),
    comparedSpreads(
      { name: 'gateway-rps-core-plain', unit: 'req/s', comparison: 'nginx with nothing but proxy_pass', wanted: '' },
      perCore(loads.gateway),
      perCore(loads.plain)
    ),
    comparedSpreads(
      { ...against, name: 'gateway-p99', unit: 'ms', wanted: 'at most 2' },
      loads.gateway.map(({ p99Ms }) => p99Ms),
      loads.nginx.map(({ p99Ms }) => p99Ms)
    ),
    comparedSpreads({ ...against, name: 'gateway-rps', unit: 'req/s', wanted: '' }, perSecond.gateway, perSecond.nginx),
    comparedSpreads(
      { name: 'gateway-rps-direct', unit: 'req/s', comparison: 'the function itself', wanted: '' },
      perSecond.gateway,
      perSecond.direct
    ),
    comparedValues(
      { name: 'gateway-memory', unit: 'MiB', comparison: `after ${from} calls`, wanted: 'at most 1.1' },
      after,
      before
    )
  ]
}

const shown = ({ perSecond, p99Ms, perCore }: Load) =>
  `${perSecond.toFixed(0)} req/s, p99 ${p99Ms.toFixed(1)} ms${perCore === null ? '' : `, ${perCore.toFixed(0)} a second of its processor`}`

/** Once the calls are over, and what they left to be collected has been. */
async function restingMemory({ pid }: Way): Promise<number> {
  await sleep(5000)
  return (await memoryOf(pid ?? process.pid)).rss
}

/** Where the one replica of the function answers, from the engine. */
async function endpointOf({ installation }: Scene): Promise<{ host: string; port: number }> {
  const label = [`com.slipway.installation=${installation.endpoints.installation}`, 'com.slipway.function=hello']
  const [replica] = await new Docker().listContainers({ filters: { label } })
  const host = replica?.Labels['com.slipway.address']
  if (host === undefined) throw new Failure('not-found', 'the replica of the function was not found in the engine')
  return { host, port: 8080 }
}
