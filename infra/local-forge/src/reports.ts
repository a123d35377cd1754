import type { CheckRun, StatusRecord } from './state.ts'

/** What stands on a commit under one context, whichever of the forge's calls put it there. */
export interface CommitReport {
  form: 'check-run' | 'status'
  /** The forge's id of it. */
  id: number
  context: string
  /** The forge's own word: a check run's conclusion or, before it has one, its status. */
  state: string
  description: string
  targetUrl: string | null
  /** Only check runs have one. */
  text: string | null
  annotations: { path: string; line: number; level: string; message: string }[]
  updatedAt: number
}

/** How many reports are kept in memory and on disk, and how many characters of their texts. */
const reportsKept = 5000
const charactersKept = 16 * 1024 * 1024

/** The newest of the list. */
export function withinBounds<T extends CheckRun | StatusRecord>(list: T[]): T[] {
  let characters = 0
  const kept: T[] = []
  for (const entry of list.toReversed()) {
    characters += 'text' in entry ? (entry.text?.length ?? 0) + (entry.summary?.length ?? 0) : 0
    if (kept.length >= reportsKept || characters > charactersKept) break
    kept.push(entry)
  }
  return kept.toReversed()
}

export function reportOfCheckRun(run: CheckRun): CommitReport {
  return {
    form: 'check-run',
    id: run.id,
    context: run.name,
    state: run.conclusion ?? run.status,
    description: run.title ?? '',
    targetUrl: run.detailsUrl,
    text: [run.summary, run.text].filter(Boolean).join('\n\n') || null,
    annotations: run.annotations.map(({ path, start_line, annotation_level, message }) => ({
      path,
      line: start_line,
      level: annotation_level,
      message
    })),
    updatedAt: run.updatedAt
  }
}

export function reportOfStatus(status: StatusRecord): CommitReport {
  return {
    form: 'status',
    id: status.id,
    context: status.context,
    state: status.state,
    description: status.description ?? '',
    targetUrl: status.targetUrl,
    text: null,
    annotations: [],
    updatedAt: status.updatedAt
  }
}

/** The newest of each context, in the order in which the contexts first came. */
export function newestPerContext(reports: CommitReport[]): CommitReport[] {
  const newest = new Map<string, CommitReport>()
  for (const report of reports) newest.set(`${report.form} ${report.context}`, report)
  return [...newest.values()]
}
