import { tell } from './figures.ts'

/**
 * Runs to the end, or until somebody ends it: then what was begun is taken away first, also when a terminal and whoever started this
 * process both say so. @returns the exit code.
 */
export async function untilInterrupted(
  run: (signal: AbortSignal) => Promise<{ problems: string[]; figures: string[] }>
): Promise<number> {
  const ending = new AbortController()
  const end = () => {
    if (ending.signal.aborted) return
    console.log('ended before its time: what was started is taken away')
    ending.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, end)
  try {
    return tell(await run(ending.signal))
  } catch (err) {
    if (!ending.signal.aborted) throw err
    return 130
  }
}
