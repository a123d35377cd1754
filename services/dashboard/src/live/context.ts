import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { LiveStream, StreamState } from './stream.ts'

export const StreamContext = createContext<LiveStream | null>(null)

export function useStream(): LiveStream {
  const stream = useContext(StreamContext)
  if (stream === null) throw new Error('the page is not inside of a StreamContext')
  return stream
}

/** A connection that comes back at once was not lost to who looks. */
const patienceMs = 1500

export function useStreamState(): StreamState {
  const stream = useStream()
  const [state, setState] = useState(stream.state())
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const unwatch = stream.watch(() => {
      clearTimeout(timer)
      const next = stream.state()
      timer = setTimeout(() => setState(next), next === 'lost' ? patienceMs : 0)
    })
    return () => {
      clearTimeout(timer)
      unwatch()
    }
  }, [stream])
  return state
}
