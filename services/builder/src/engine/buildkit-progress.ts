import type { BuildLog } from './build-log.ts'
import { type BuildKitTrace, decodeTrace, type Vertex } from './buildkit-trace.ts'
import type { Progress } from './progress.ts'

/** Steps that every build has and that tell its owner nothing. */
const silent = /^(?:\[internal\] |copy \/context )/

/** Reads BuildKit's answer to a build: traces, the image's id, the error. */
export function createBuildKitProgress(log: BuildLog): Progress {
  const steps = new Map<string, { name: string; isAnnounced: boolean; isEnded: boolean }>()
  let printing: string | null = null
  let failed: string | null = null

  function follow(vertex: Vertex): void {
    const step = steps.get(vertex.digest) ?? { name: vertex.name, isAnnounced: false, isEnded: false }
    steps.set(vertex.digest, step)
    if (vertex.error !== '' && !/context canceled/.test(vertex.error))
      failed ??= step.name.replace('[internal] load metadata for ', 'FROM ')
    if (step.isEnded || vertex.startedAt === null) return
    if (vertex.completedAt === null) announce(vertex.digest)
    else end(vertex.digest, vertex)
  }

  /** Says which step the following lines are of. */
  function announce(digest: string): void {
    const step = steps.get(digest)
    if (step === undefined || silent.test(step.name) || printing === digest) return
    printing = digest
    step.isAnnounced = true
    log.say(step.name)
  }

  function end(digest: string, vertex: Vertex): void {
    const step = steps.get(digest)
    if (step === undefined) return
    step.isEnded = true
    log.flush(digest)
    if (silent.test(step.name)) return
    const tookMs = (vertex.completedAt ?? 0) - (vertex.startedAt ?? 0)
    if (vertex.isCached) log.say(`${step.name}: cached`)
    else if (!step.isAnnounced) log.say(step.name)
    else if (vertex.error === '') log.say(`${step.name}: done in ${(tookMs / 1000).toFixed(1)} s`)
    if (printing === digest) printing = null
  }

  function trace({ vertexes, logs }: BuildKitTrace): void {
    // What a step printed stands before the news that it ended.
    for (const vertex of vertexes) if (vertex.completedAt === null) follow(vertex)
    for (const { vertex, stream, bytes } of logs) {
      announce(vertex)
      log.write(vertex, stream, bytes)
    }
    for (const vertex of vertexes) if (vertex.completedAt !== null) follow(vertex)
  }

  return {
    event({ id, aux }) {
      if (id === 'moby.buildkit.trace' && typeof aux === 'string') trace(decodeTrace(aux))
    },
    failedStep: () => failed
  }
}
