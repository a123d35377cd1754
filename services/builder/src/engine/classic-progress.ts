import type { BuildLog } from './build-log.ts'
import type { Progress } from './progress.ts'

const red = '\u001B[91m'
const plain = '\u001B[0m'
const chatter = /^(?: ---> Running in |Removing intermediate container |Successfully (?:built|tagged) )/

export interface ClassicProgress extends Progress {
  /** Ids of the images that the builder says it made on the way, oldest first. Not to be trusted: a step can print such a line too. */
  intermediateImages(): string[]
}

/** Reads the classic builder's answer: plain text, what goes to standard error in red. */
export function createClassicProgress(log: BuildLog): ClassicProgress {
  let step: string | null = null
  let isStepEnded = true
  const images: string[] = []

  /** The builder says each of these in a message of its own, but a step's line end comes apart. */
  function isOfBuilder(text: string): boolean {
    const isLineEnd = !isStepEnded && text === '\n'
    isStepEnded = true
    if (isLineEnd) return true
    const started = /^Step (\d+\/\d+) : (.*)$/s.exec(text)
    if (started !== null) {
      log.flush()
      step = `[${started[1]}] ${started[2]}`
      isStepEnded = false
      log.say(step)
      return true
    }
    if (text === ' ---> Using cache\n' && step !== null) {
      log.say(`${step}: cached`)
      return true
    }
    const image = /^ ---> ([0-9a-f]{12})?\n$/.exec(text)
    if (image?.[1] !== undefined) images.push(image[1])
    return image !== null || chatter.test(text)
  }

  return {
    event({ stream }) {
      if (typeof stream !== 'string' || isOfBuilder(stream)) return
      const isError = stream.startsWith(red) && stream.endsWith(plain)
      const text = isError ? stream.slice(red.length, -plain.length) : stream
      log.write('run', isError ? 'stderr' : 'stdout', Buffer.from(text))
    },
    failedStep: () => step,
    intermediateImages: () => images
  }
}
