/** When a function is called by itself. */
export interface Schedule {
  /** Cron expressions: it is called whenever one of them says so. */
  expressions: string[]
  /** As in the IANA's database, `Europe/Berlin`. */
  timezone: string
  /** It is called also while its former scheduled call is still under way. */
  isOverlapAllowed: boolean
}

/** Annotations. The first two are OpenFaaS' own, of its cron connector. */
export const scheduleAnnotations = {
  topic: 'topic',
  expressions: 'schedule',
  timezone: 'schedule.timezone',
  overlap: 'schedule.overlap'
} as const

const cronTopic = 'cron-function'

/** What a function's annotations say; null: it is not called by itself. Whether the expressions can be read is another question. */
export function scheduleOf(annotations: Readonly<Record<string, string>>): Schedule | null {
  const said = (name: keyof typeof scheduleAnnotations) => annotations[scheduleAnnotations[name]] ?? ''
  const expressions = expressionsOf(said('expressions'))
  if (!isCronTopic(said('topic')) || expressions.length === 0) return null
  return { expressions, timezone: said('timezone') || 'UTC', isOverlapAllowed: said('overlap') === 'allow' }
}

/** A function may have several topics. */
export function isCronTopic(topic: string): boolean {
  return topic.split(',').some((one) => one.trim() === cronTopic)
}

/** Several are separated by `;`; the same one twice is one. */
export function expressionsOf(text: string): string[] {
  const found = text.split(';').map((one) => one.trim().replaceAll(/\s+/g, ' '))
  return [...new Set(found.filter((one) => one !== ''))]
}

/** What became of the last time that a schedule was due. */
export interface ScheduleRun {
  ownerId: string
  functionName: string
  /** When it was due, epoch milliseconds. */
  at: number
  /** `called`: the call was left to be made. `skipped`: it was not, and the reason says why. */
  outcome: 'called' | 'skipped'
  reason: string | null
  /** Of the last call that was left. */
  callId: string | null
}
