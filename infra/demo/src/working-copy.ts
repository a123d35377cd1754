import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A developer's checkout of a repository. */
export interface WorkingCopy {
  directory: string
  /** Writes files (null removes one) and commits them; returns the commit. */
  commit(files: Record<string, string | null>, message: string): Promise<string>
  /** `git push`, by force when asked. */
  push(options?: { force?: boolean; ref?: string }): Promise<void>
  git(...args: string[]): Promise<string>
}

/** Makes a new repository with one branch whose `origin` is the address. */
export async function createWorkingCopy(directory: string, origin: string, branch = 'main'): Promise<WorkingCopy> {
  await mkdir(directory, { recursive: true })
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'A developer',
    GIT_AUTHOR_EMAIL: 'developer@example.com',
    GIT_COMMITTER_NAME: 'A developer',
    GIT_COMMITTER_EMAIL: 'developer@example.com'
  }
  const git = async (...args: string[]) =>
    (await run('git', args, { cwd: directory, env, maxBuffer: 16 * 1024 * 1024 })).stdout.trim()
  await git('init', '--quiet', `--initial-branch=${branch}`)
  await git('remote', 'add', 'origin', origin)
  return {
    directory,
    git,
    async commit(files, message) {
      for (const [path, text] of Object.entries(files)) {
        const file = join(directory, path)
        if (text === null) await rm(file, { recursive: true, force: true })
        else {
          await mkdir(dirname(file), { recursive: true })
          await writeFile(file, text)
        }
      }
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', `--message=${message}`)
      return git('rev-parse', 'HEAD')
    },
    async push({ force = false, ref = `refs/heads/${branch}` } = {}) {
      await git('push', '--quiet', ...(force ? ['--force'] : []), 'origin', `HEAD:${ref}`)
    }
  }
}
