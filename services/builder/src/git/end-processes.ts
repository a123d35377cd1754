import { readdir, readFile } from 'node:fs/promises'

/**
 * Kills every process that has `name=value` in its environment: a command's children and theirs, whatever became of
 * their parents. Where there is no /proc nothing is found, and they end by their own time-outs.
 */
export async function endProcesses(name: string, value: string): Promise<void> {
  const entry = `${name}=${value}`
  // Again until none is found: one may have been starting another while we looked.
  for (let round = 0; round < 20; round++) {
    const found = await processesWith(entry)
    if (found.length === 0) return
    for (const pid of found) kill(pid)
  }
}

async function processesWith(entry: string): Promise<number[]> {
  const pids = (await entriesOf('/proc')).filter((name) => /^[0-9]+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map(async (pid) => ((await environmentOf(pid)).includes(entry) ? pid : null)))
  return found.filter((pid) => pid !== null)
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch {
    return [] // no /proc here
  }
}

async function environmentOf(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0')
  } catch {
    return [] // ended, or another user's
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ESRCH')) throw err
  }
}
