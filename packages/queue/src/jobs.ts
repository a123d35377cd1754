import Type, { type Static } from 'typebox'

/**
 * The contract between the dispatcher and the workers. A job is only a hint that a stage of a build is due:
 * everything else, attempts and back-off included, is in the store. A new job is one new entry; new fields are optional.
 */
export const jobs = {
  build: Type.Object({ buildId: Type.String() }),
  deploy: Type.Object({ buildId: Type.String() })
} as const

export type JobName = keyof typeof jobs
export type JobPayload<N extends JobName> = Static<(typeof jobs)[N]>
