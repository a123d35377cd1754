/** The beginning of a list, as far as somebody asked to see it. */
export interface Listed<T> {
  items: T[]
  /** Where it goes on; null: nowhere. */
  next: string | null
  /** As many are kept up to date; null: nobody asked for more than the first page. */
  wanted: number | null
}

/**
 * What is shown once a list was asked for anew. New entries at its beginning push none out that somebody asked for: those that the answer
 * does not reach any more stay where they were. Where so many came that nothing says what lies between, it is the answer alone.
 */
export function refreshed<T extends { id: string }>(
  shown: Listed<T> | null,
  answer: Omit<Listed<T>, 'wanted'>
): Listed<T> {
  const wanted = shown?.wanted ?? null
  if (shown === null || wanted === null) return { ...answer, wanted }
  const last = answer.items.at(-1)?.id
  const at = shown.items.findIndex(({ id }) => id === last)
  const rest = at === -1 ? [] : shown.items.slice(at + 1)
  return { items: [...answer.items, ...rest], next: rest.length === 0 ? answer.next : shown.next, wanted }
}

/** The list with what comes after it; null: it ends elsewhere by now. */
export function extended<T>(shown: Listed<T>, after: string, page: Omit<Listed<T>, 'wanted'>): Listed<T> | null {
  return shown.next === after ? { ...shown, items: [...shown.items, ...page.items], next: page.next } : null
}
