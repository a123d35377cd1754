import { Failure, isTerminal } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { firstAnswer } from './answers.ts'
import { handlerSaying, type Scene, stackSaying } from './scene.ts'
import { type Step, stepsOf } from './waterfall.ts'

/** All the time that it takes a client asks: seldom, for the function, the gateway and the client do their work meanwhile. */
const askEveryMs = 20

/** What a push took, in milliseconds from the start of `git push`. */
export interface PushTimes {
  /** Until the function's first answer of the new version. */
  answeredMs: number
  /** Until the forge shows the final commit status. */
  toldMs: number
  steps: Step[]
}

/** A function of one repository that is pushed to again and again. */
export interface InstalledFunction {
  /** A changed source file. */
  pushSource(words: string): Promise<PushTimes>
  /** Another environment in `stack.yml`, nothing else. @throws when an image was built for it */
  pushConfiguration(words: string): Promise<PushTimes>
}

export async function createInstalledFunction(
  scene: Scene,
  owner: string,
  signal: AbortSignal
): Promise<InstalledFunction> {
  const { forge, installation } = scene
  const { hosted, workingCopy } = await scene.repository(owner, true)
  const url = `${installation.endpoints.gateway}/function/${owner}-hello`
  let source = ''
  let word = ''

  /** When the forge had been told how the commit ended. @throws when it did not end well */
  async function told(commit: string): Promise<number> {
    const notes = await waitFor(
      () => {
        signal.throwIfAborted()
        const found = forge.statuses(hosted.id, commit)
        return found.length > 1 && found.every(({ state }) => !['queued', 'in_progress'].includes(state)) ? found : null
      },
      { timeoutMs: 60_000, everyMs: 5, what: `the commit status of ${commit}` }
    )
    const at = performance.now()
    const bad = notes.find(({ state }) => state !== 'success')
    if (bad !== undefined) throw new Failure('build-failed', `${bad.context} is ${bad.state}: ${bad.description}`)
    return at
  }

  /** Until nothing of the push goes on: the former version is gone, and what is prepared for the next one is there. */
  async function settle(): Promise<void> {
    await waitFor(
      async () => {
        const { items } = await installation.api.listDeployments({ owner, name: 'hello' })
        return items.every(({ status }) => status !== 'draining' && status !== 'starting')
      },
      { timeoutMs: 60_000, everyMs: 100, what: 'the former version to end', signal }
    )
    await scene.untilEngineRests(signal)
  }

  async function push(files: Record<string, string>, isBuilt: boolean): Promise<PushTimes> {
    const commit = await workingCopy.commit(files, 'A change')
    const startedAt = performance.now()
    const startedAtMs = Date.now()
    await workingCopy.push()
    const pushedAt = performance.now()
    const [answeredAt, toldAt] = await Promise.all([firstAnswer(url, source + word, askEveryMs, signal), told(commit)])
    const build = await waitFor(
      async () =>
        (await installation.api.listBuilds({ commit })).items.find(({ status }) => isTerminal(status)) ?? null,
      { timeoutMs: 10_000, what: 'the build to end', signal }
    )
    const detail = await installation.api.getBuild({ id: build.id })
    if (detail.functions.some(({ isReused }) => isReused === isBuilt))
      throw new Failure('build-failed', isBuilt ? 'no image was built' : 'an image was built')
    const log = await Array.fromAsync(installation.api.followLog(build.id, { follow: false }))
    await settle()
    return {
      answeredMs: answeredAt - startedAt,
      toldMs: toldAt - startedAt,
      steps: stepsOf({
        startedAt: startedAtMs,
        pushedMs: pushedAt - startedAt,
        build: detail,
        log,
        answeredMs: answeredAt - startedAt,
        toldMs: toldAt - startedAt
      })
    }
  }

  return {
    pushSource(words) {
      source = `${words} `
      return push({ 'stack.yml': stackSaying(word), 'hello/handler.js': handlerSaying(source) }, true)
    },
    pushConfiguration(words) {
      word = words
      return push({ 'stack.yml': stackSaying(word) }, false)
    }
  }
}
