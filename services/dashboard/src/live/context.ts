import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { LiveStream, StreamState } from './stream.ts'

export const StreamContext = createContext<LiveStream | null>(null)

export function useStream(): LiveStream {
  const stream = useContext(StreamContext)
  if (stream === null) throw new Error('the page is not inside of a StreamContext')
  return stream
}

export function useStreamState(): StreamState {
  const stream = useStream()
  const [state, setState] = useState(stream.state())
  useEffect(() => stream.watch(() => setState(stream.state())), [stream])
  return state
}
