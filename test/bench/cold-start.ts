import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'
import { freePort, requireProgram, waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { firstAnswer } from './answers.ts'
import type { Benchmark } from './benchmark.ts'
import { comparedSpreads } from './result.ts'
import { createScene, handlerSaying, type Scene, stackSaying } from './scene.ts'

const run = promisify(execFile)
const words = 'awake'

/**
 * `cold-start`: from a call to a function that has no replica (`com.openfaas.scale.zero`) to its answer, through the gateway, which holds
 * the call meanwhile: the gateway tells, the store is asked and written, a container is made and started, it answers on its readiness path
 * twice as any new replica does, gateways get its address, the call is passed on.
 *
 * Against `docker start` of a container of the same image that exists already and was stopped, with a published port, until its first
 * answer; it is asked every 5 ms. Nothing is made there, nobody is told, and no other version could be serving.
 *
 * Both in turn, every other round in the opposite order. The function sleeps a second after its last call.
 */
export const coldStart: Benchmark = {
  names: ['cold-start'],
  async run({ rounds, isVerbose, say, signal }) {
    say(`cold-start: 1 round to warm up, ${rounds} measured`)
    const scene = await createScene()
    try {
      const sleeper = await createSleeper(scene, signal)
      const bare = await createStopped(sleeper.image, signal)
      try {
        const samples: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
        for (let round = 0; round <= rounds; round++) {
          signal.throwIfAborted()
          await sleeper.asleep()
          const measures = [
            async () => ({ ours: await sleeper.wake() }),
            async () => ({ bare: await bare.start() })
          ] as const
          const first: { ours?: number; bare?: number } = {}
          for (const measure of round % 2 === 0 ? measures : measures.toReversed())
            Object.assign(first, await measure())
          if (isVerbose) say(`  round ${round}: ${first.ours?.toFixed()} ms, docker start ${first.bare?.toFixed()} ms`)
          if (round === 0) continue
          samples.ours.push(first.ours as number)
          samples.bare.push(first.bare as number)
        }
        const about = { name: 'cold-start', unit: 'ms', comparison: 'docker start', wanted: '' } as const
        return [comparedSpreads(about, samples.ours, samples.bare)]
      } finally {
        await bare.close()
      }
    } finally {
      await scene.close()
    }
  }
}

async function createSleeper(scene: Scene, signal: AbortSignal) {
  const { api, endpoints } = scene.installation
  const { workingCopy } = await scene.repository('sleepy', true)
  const labels = [
    '    labels:',
    '      com.openfaas.scale.zero: true',
    '      com.openfaas.scale.zero-duration: 1s',
    ''
  ]
  const stack = `${stackSaying('')}${labels.join('\n')}`
  await workingCopy.commit({ 'stack.yml': stack, 'hello/handler.js': handlerSaying(words) }, 'A function that sleeps')
  await workingCopy.push()
  const url = `${endpoints.gateway}/function/sleepy-hello`
  await firstAnswer(url, words, 100, signal)
  const replicas = async () => {
    const { items } = await api.listDeployments({ owner: 'sleepy', name: 'hello' })
    return items.find(({ status }) => status === 'live')?.replicas ?? null
  }
  const containers = await new Docker().listContainers({
    filters: { label: [`com.slipway.installation=${endpoints.installation}`] }
  })
  const image = containers.find(({ Names }) => Names.some((name) => name.includes('sleepy-hello')))?.ImageID
  if (image === undefined) throw new Failure('not-found', 'there is no container of the function')
  return {
    image,
    async asleep(): Promise<void> {
      await waitFor(async () => (await replicas()) === 0, { timeoutMs: 60_000, what: 'the function to sleep', signal })
      await scene.untilEngineRests(signal)
    },
    async wake(): Promise<number> {
      const startedAt = performance.now()
      const answer = await fetch(url, { signal })
      const text = await answer.text()
      if (text !== words) throw new Failure('not-ready', `the function answered ${answer.status} ${text}`)
      return performance.now() - startedAt
    }
  }
}

async function createStopped(image: string, signal: AbortSignal) {
  const docker = await requireProgram('docker')
  const port = await freePort()
  const name = `slipway-bench-stopped-${port}`
  await run(docker, ['create', '--name', name, '--init', '--publish', `127.0.0.1:${port}:8080`, image])
  return {
    async start(): Promise<number> {
      const startedAt = performance.now()
      await run(docker, ['start', name], { signal })
      const answeredAt = await firstAnswer(`http://127.0.0.1:${port}/`, words, 5, signal)
      await run(docker, ['kill', name])
      return answeredAt - startedAt
    },
    async close(): Promise<void> {
      await run(docker, ['rm', '--force', name])
    }
  }
}
