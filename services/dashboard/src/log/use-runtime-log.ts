import type { RuntimeLogLine } from '@slipway/domain'
import { useEffect, useState } from 'preact/hooks'

export interface RuntimeLog {
  lines: (RuntimeLogLine & { number: number })[]
  isLost: boolean
}

const kept = 5000
const gatherMs = 60
const tail = 500

/** What a function's replicas print, from the last lines on. After a lost connection it goes on with what was printed since. */
export function useRuntimeLog(owner: string, name: string, deploymentId: string): RuntimeLog {
  const [log, setLog] = useState<RuntimeLog>({ lines: [], isLost: false })
  useEffect(() => {
    setLog({ lines: [], isLost: false })
    const path = `/api/v1/functions/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/log?follow=true`
    let number = 0
    let since: number | null = null
    let waiting: RuntimeLogLine[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let source: EventSource

    const flush = () => {
      timer = undefined
      const more = waiting.map((line) => ({ ...line, number: ++number }))
      waiting = []
      setLog(({ lines }) => ({ lines: [...lines, ...more].slice(-kept), isLost: false }))
    }
    const again = () => {
      source.close()
      setLog((log) => ({ ...log, isLost: true }))
      clearTimeout(timer)
      timer = setTimeout(open, 1500)
    }
    function open() {
      timer = undefined
      source = new EventSource(since === null ? `${path}&tail=${tail}` : `${path}&since=${since + 1}`)
      source.addEventListener('open', () => setLog((log) => ({ ...log, isLost: false })))
      source.addEventListener('message', ({ data }: MessageEvent<string>) => {
        const line = JSON.parse(data) as RuntimeLogLine
        since = line.at
        waiting.push(line)
        timer ??= setTimeout(flush, gatherMs)
      })
      // Its replicas ended, or the connection did: the next answer tells.
      source.addEventListener('end', again)
      source.addEventListener('error', again)
    }
    open()
    return () => {
      clearTimeout(timer)
      source.close()
    }
  }, [owner, name, deploymentId])
  return log
}
