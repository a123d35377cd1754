import { execFile } from 'node:child_process'

/** Runs a program of the host and gives what it prints. Rejects with what execFile says, and what the program told. */
export type HostProgram = (args: readonly string[]) => Promise<string>

const directories = ['', '/usr/sbin/', '/sbin/']

/** A program that may be outside this process's PATH, as those of system administration are for most users. */
export function createHostProgram(name: string): HostProgram {
  return async (args) => {
    for (const directory of directories) {
      try {
        return await run(`${directory}${name}`, args)
      } catch (err) {
        if (!isAbsent(err)) throw err
      }
    }
    throw Object.assign(new Error(`${name} was not found`), { code: 'ENOENT' })
  }
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 20_000, maxBuffer: 16 * 1024 * 1024 }
    execFile(program, args, options, (err, stdout, stderr) => {
      if (err === null) resolve(stdout)
      else reject(Object.assign(err, { told: stderr.trim() }))
    })
  })
}

/** The program is not installed. */
export function isAbsent(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ENOENT'
}

export function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err)
  return 'told' in err && typeof err.told === 'string' && err.told !== '' ? err.told : err.message
}
