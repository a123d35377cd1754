import { latencyBounds, latencyCell, type TrafficPart } from '@slipway/domain/traffic'
import type { Upstream } from './upstream.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** What functions were asked and answered since it was last taken. */
export interface Tally {
  began(upstream: Upstream): void
  /** @param status what was answered; 499 when the caller left before. */
  ended(upstream: Upstream, status: number, seconds: number): void
  /** Everything since the last time, as of the minute that began at `at`. */
  take(at: number): TrafficPart[]
}

interface Cell {
  ownerId: string
  functionName: string
  running: number
  mostRunning: number
  calls: number
  codes: Record<string, number>
  latency: Uint32Array
}

/** Two look-ups and a few additions a call: nothing is made but for the first call of a function. */
export function createTally(): Tally {
  const cells = new Map<string, Cell>()

  function cellOf({ functionKey, ownerId, functionName }: Upstream): Cell {
    const known = cells.get(functionKey)
    if (known !== undefined) return known
    const latency = new Uint32Array(latencyBounds.length + 1)
    const made = { ownerId, functionName, running: 0, mostRunning: 0, calls: 0, codes: {}, latency }
    cells.set(functionKey, made)
    return made
  }

  return {
    began(upstream) {
      const cell = cellOf(upstream)
      cell.running += 1
      if (cell.running > cell.mostRunning) cell.mostRunning = cell.running
    },
    ended(upstream, status, seconds) {
      const cell = cellOf(upstream)
      cell.running -= 1
      cell.calls += 1
      const code = codeOf(status)
      cell.codes[code] = (cell.codes[code] ?? 0) + 1
      const place = latencyCell(seconds * 1000)
      cell.latency[place] = (cell.latency[place] ?? 0) + 1
    },
    take(at) {
      const parts: TrafficPart[] = []
      for (const [key, cell] of cells) {
        const { ownerId, functionName, calls, codes, latency, mostRunning } = cell
        parts.push({ ownerId, functionName, at, calls, codes, latency: [...latency], running: mostRunning })
        if (cell.running === 0) {
          cells.delete(key)
          continue
        }
        cell.calls = 0
        cell.codes = {}
        cell.latency.fill(0)
        cell.mostRunning = cell.running
      }
      return parts
    }
  }
}

/** A function may answer any number: only the registered ones are counted each. */
export function codeOf(status: number): string {
  return status in STATUS_CODES || status === 499 ? String(status) : 'other'
}
