import { v7 } from 'uuid'

/** A new id. Those of one process rise strictly, those of several by the clock. */
export function newId(): string {
  return v7()
}
