import type { ServerResponse } from 'node:http'

/** Calls that have no whole answer yet. */
export interface OpenCalls {
  /** @returns takes it out again; to be called once */
  add(res: ServerResponse): () => void
  isEmpty(): boolean
  /** Breaks all of them off. */
  cut(): void
}

/**
 * An array, not a Set: of a Set that calls come to and go from V8 makes a new table now and then, and each former one leads to the next.
 * Once one of them has grown old, all calls afterwards grow old with it: several KiB of each are copied, and left to major collections.
 */
export function createOpenCalls(): OpenCalls {
  const open: { res: ServerResponse; place: number }[] = []

  return {
    add(res) {
      const one = { res, place: open.length }
      open.push(one)
      return () => {
        const last = open.pop()
        if (last === undefined || last === one) return
        // The last one takes its place.
        last.place = one.place
        open[one.place] = last
      }
    },
    isEmpty: () => open.length === 0,
    cut() {
      // Those that it breaks off go while it goes on.
      const all = [...open]
      for (const { res } of all) res.destroy()
    }
  }
}
