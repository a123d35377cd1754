/** Newest first, those before the cursor (an id). */
export interface Page {
  before: string | null
  limit: number
}
