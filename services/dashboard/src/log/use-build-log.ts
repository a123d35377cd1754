import type { LogChunk } from '@slipway/client'
import { useEffect, useState } from 'preact/hooks'
import { type LogLine, withChunks } from './log-lines.ts'

export interface BuildLog {
  lines: LogLine[]
  /** The build has ended and nothing more comes. */
  isComplete: boolean
  /** The stream is away; the browser takes it up again. */
  isLost: boolean
}

/** Chunks that come close together are one redraw. */
const gatherMs = 60
const nothing: BuildLog = { lines: [], isComplete: false, isLost: false }

/** A build's log as it grows. A lost connection is taken up after the last chunk that came. */
export function useBuildLog(buildId: string): BuildLog {
  const [log, setLog] = useState<BuildLog>(nothing)
  useEffect(() => {
    setLog(nothing)
    let known: { lines: LogLine[]; seq: number } = { lines: [], seq: 0 }
    let waiting: LogChunk[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let source: EventSource

    const flush = () => {
      clearTimeout(timer)
      timer = undefined
      known = withChunks(known, waiting)
      waiting = []
      setLog((log) => ({ ...log, lines: known.lines, isLost: false }))
    }
    const open = () => {
      source = new EventSource(`/api/v1/builds/${encodeURIComponent(buildId)}/log?follow=true&after=${known.seq}`)
      source.addEventListener('message', ({ data }: MessageEvent<string>) => {
        waiting.push(JSON.parse(data) as LogChunk)
        timer ??= setTimeout(flush, gatherMs)
      })
      source.addEventListener('end', () => {
        source.close()
        flush()
        setLog((log) => ({ ...log, isComplete: true, isLost: false }))
      })
      source.addEventListener('error', () => {
        setLog((log) => ({ ...log, isLost: true }))
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000)
      })
    }
    open()
    return () => {
      clearTimeout(timer)
      source.close()
    }
  }, [buildId])
  return log
}
