import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createApiForTest, token } from '@slipway/api/fixture'
import { isTerminal } from '@slipway/domain'

export { commits } from '@slipway/api/fixture'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** The command line as a process, in a directory of its own, against a status API. */
export async function createCommandLineForTest(t: TestContext) {
  const installation = await createApiForTest(t)
  const directory = await mkdtemp(join(tmpdir(), 'slipway-commands-'))
  t.after(() => rm(directory, { recursive: true }))

  function slipwayWith(environment: Record<string, string>, ...args: string[]): Promise<Ended> {
    return slipwayFed('', environment, ...args)
  }

  /** With something on its standard input. */
  function slipwayFed(input: string, environment: Record<string, string>, ...args: string[]): Promise<Ended> {
    const env = { ...process.env, SLIPWAY_HOME: directory, XDG_CONFIG_HOME: directory, ...environment }
    return new Promise((resolve) => {
      const { stdin } = execFile(
        process.execPath,
        [main, ...args],
        { cwd: directory, env },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
          resolve({ code, stdout, stderr })
        }
      )
      stdin?.on('error', () => {}) // it ended without reading
      stdin?.end(input)
    })
  }

  return {
    ...installation,
    /** Where the command is called. */
    workDirectory: directory,
    slipwayWith,
    slipwayFed,
    slipway: (...args: string[]) => slipwayWith({ SLIPWAY_URL: installation.url, SLIPWAY_TOKEN: token }, ...args),
    /** The id of the newest build, as soon as it is one that has not ended. */
    async untilAskedFor(): Promise<string> {
      for (;;) {
        const [newest] = await installation.store.builds.list(null, {}, { before: null, limit: 1 })
        if (newest !== undefined && !isTerminal(newest.status)) return newest.id
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    /** Makes the directory a checkout of `alice/shop`. */
    checkout() {
      execFileSync('git', ['init', '-q'], { cwd: directory })
      execFileSync('git', ['remote', 'add', 'origin', 'https://forge.test/alice/shop.git'], { cwd: directory })
    }
  }
}
