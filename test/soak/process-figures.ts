import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { waitFor } from '@slipway/machine'

/** The resident memory of a process. Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(text)
  if (found === null) throw new Error(`the kernel does not tell the memory of process ${pid}`)
  return Number(found[1]) * 1024
}

/** What a process that has `look.mjs` holds after it collected what it could. */
export async function keptBytes(pid: number, home: string): Promise<{ resident: number; heap: number }> {
  const file = join(home, `memory-${pid}.json`)
  await rm(file, { force: true })
  process.kill(pid, 'SIGPWR')
  const text = await waitFor(() => readFile(file, 'utf8').catch(() => null), { timeoutMs: 60_000, what: file })
  const { heapUsed, external } = JSON.parse(text) as NodeJS.MemoryUsage
  return { resident: await residentBytes(pid), heap: heapUsed + external }
}

export async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
