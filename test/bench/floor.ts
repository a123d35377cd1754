import { execFile } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, requireProgram } from '@slipway/machine'
import { firstAnswer } from './answers.ts'
import { handlerSaying, type Scene } from './scene.ts'
import type { Step } from './waterfall.ts'

const run = promisify(execFile)

/**
 * The floor: the same work by bare `git clone`, `docker build`, `docker push` and `docker run`, one after the other.
 *
 * It begins with `git clone` of a commit that the forge has already and ends with the first answer of the container.
 * The repository holds what the `node` template makes of the function: the same files and the same steps on the same base image.
 * One source file has changed, so the last step is made anew and the ones before come from the cache, as in ours.
 * `docker build` is the classic one (`DOCKER_BUILDKIT=0`). The push goes to the same registry, which has all layers but the last.
 * `docker run` publishes a port on the loopback interface: a container that is reachable, as far as `docker run` alone goes.
 * Removing the former container and the checkout is not measured.
 */
export interface Floor {
  /** @returns milliseconds, in all and by step */
  measure(round: number): Promise<{ totalMs: number; steps: Step[] }>
  close(): Promise<void>
}

const template = fileURLToPath(new URL('../../services/builder/templates/node', import.meta.url))

export async function createFloor(scene: Scene, signal: AbortSignal): Promise<Floor> {
  const git = await requireProgram('git')
  const docker = await requireProgram('docker')
  const { workingCopy, cloneUrl } = await scene.repository('floor', false)
  const port = await freePort()
  const name = `slipway-bench-floor-${port}`
  const images: string[] = []
  const env = {
    PATH: process.env.PATH,
    HOME: scene.directory,
    DOCKER_HOST: process.env.DOCKER_HOST,
    DOCKER_BUILDKIT: '0'
  }
  let isRunning = false

  await workingCopy.commit(await templateFiles(), 'What the template makes of a function')
  await workingCopy.push()

  async function step(steps: Step[], what: string, program: string, ...args: string[]): Promise<void> {
    const startedAt = performance.now()
    await run(program, args, { env, signal, maxBuffer: 16 * 1024 * 1024 })
    steps.push({ what, ms: performance.now() - startedAt })
  }

  return {
    async measure(round) {
      const words = `floor ${round}`
      await workingCopy.commit({ 'function/handler.js': handlerSaying(words) }, words)
      await workingCopy.push()
      const checkout = join(scene.directory, `floor-${round}`)
      const image = `${scene.registry}/floor/hello:round-${round}`
      images.push(image)
      const base = `BASE_IMAGE=${scene.baseImage}`
      const publish = `127.0.0.1:${port}:8080`
      const steps: Step[] = []
      const startedAt = performance.now()
      await step(steps, 'git clone', git, 'clone', '--quiet', cloneUrl, checkout)
      await step(steps, 'docker build', docker, 'build', '--quiet', '--build-arg', base, '--tag', image, checkout)
      await step(steps, 'docker push', docker, 'push', image)
      isRunning = true
      await step(steps, 'docker run', docker, 'run', '--detach', '--name', name, '--publish', publish, image)
      const ranAt = performance.now()
      const answeredAt = await firstAnswer(`http://127.0.0.1:${port}/`, words, 5, signal)
      steps.push({ what: 'first answer', ms: answeredAt - ranAt })
      await removeContainer()
      await rm(checkout, { recursive: true })
      return { totalMs: answeredAt - startedAt, steps }
    },
    async close() {
      if (isRunning) await removeContainer()
      if (images.length > 0) await run(docker, ['rmi', '--force', ...images], { env })
    }
  }

  async function removeContainer(): Promise<void> {
    await run(docker, ['rm', '--force', name], { env })
    isRunning = false
  }
}

/** What the `node` template makes of a handler without dependencies: its files, and its Dockerfile with the blocks that hold for it. */
async function templateFiles(): Promise<Record<string, string>> {
  const names = (await readdir(template)).filter((file) => file.endsWith('.mjs'))
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(template, name), 'utf8')]))
  const dockerfile = await readFile(join(template, 'Dockerfile'), 'utf8')
  const kept = dockerfile.replaceAll(/^# when (.+)\n([^]*?)^# end\n/gm, (_all, words: string, block: string) =>
    words.split(' ').every((word) => word.startsWith('!')) ? block : ''
  )
  return { ...Object.fromEntries(files), Dockerfile: kept }
}
