import type { Whose } from '../../rights.ts'
import type { Page } from './page.ts'

export interface AuditEntry {
  id: string
  at: number
  actor: string
  action: string
  ownerId: string | null
  /** What was acted on: `build/<id>`, `function/<name>`, … */
  resource: string
  detail: Record<string, unknown>
}

/** Exactly these. */
export interface AuditFilter {
  actor?: string
  action?: string
}

export interface Audit {
  append(entry: Omit<AuditEntry, 'id'>): Promise<void>
  list(whose: Whose, page: Page, filter?: AuditFilter): Promise<AuditEntry[]>
}
