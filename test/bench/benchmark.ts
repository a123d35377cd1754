import type { Result } from './result.ts'

/** One benchmark, which may give several results. */
export interface Benchmark {
  /** The names of its results. */
  names: string[]
  /** @throws when it could not be carried out as its method says. */
  run(context: BenchmarkContext): Promise<Result[]>
}

export interface BenchmarkContext {
  /** How often each thing is measured. */
  rounds: number
  /** Tells where the time goes. */
  isVerbose: boolean
  /** For people: never on standard output. */
  say(line: string): void
  /** Aborts when the run is broken off: what was started is still taken away. */
  signal: AbortSignal
}
