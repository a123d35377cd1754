import Type, { type Static } from 'typebox'

export const LogStep = Type.Enum(['queue', 'checkout', 'stack', 'template', 'build', 'push', 'deploy', 'prune'])
export type LogStep = 'queue' | 'checkout' | 'stack' | 'template' | 'build' | 'push' | 'deploy' | 'prune'

/** One piece of a build's log: one or more whole lines without the last line feed. */
export const LogChunk = Type.Object({
  /** Counts from 1 within the build, without gaps. The offset of the log's readers. */
  seq: Type.Integer({ minimum: 1 }),
  at: Type.Integer(),
  step: LogStep,
  functionName: Type.Union([Type.String(), Type.Null()]),
  stream: Type.Union([Type.Literal('stdout'), Type.Literal('stderr'), Type.Literal('slipway')]),
  text: Type.String()
})
export type LogChunk = Static<typeof LogChunk>

/** A line that is longer comes in pieces, each at least as long but the last. */
export const runtimeLineLimit = 64 * 1024

/** A line that a function printed while it ran. */
export interface RuntimeLogLine {
  at: number
  /** Which replica printed it. */
  instance: string
  stream: 'stdout' | 'stderr'
  text: string
}
