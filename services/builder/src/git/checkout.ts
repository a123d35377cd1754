import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import { type Git, GitRefusal } from './git.ts'
import type { Mirror } from './mirror.ts'
import { machineFailure } from './refusals.ts'
import { createTreeCheck, listTreeArguments, type TreeLimits } from './tree.ts'

const messageLimit = 1024 * 1024

/** Writes a commit's files to `<directory>/tree` and returns its message. On failure nothing of the directory is left. */
export type WriteCheckout = (mirror: Mirror, commit: string, directory: string, signal: AbortSignal) => Promise<string>

export function createCheckout({ git, limits }: { git: Git; limits: TreeLimits }): WriteCheckout {
  /** @throws Failure `commit-not-found` */
  async function messageOf(mirror: Mirror, commit: string, signal: AbortSignal): Promise<string> {
    const args = ['log', '-1', '--format=%H%n%B', '--encoding=UTF-8', commit, '--']
    const onOutput = createMessageCheck()
    const text = await git({ args, directory: mirror.directory, repository: mirror.directory, onOutput }, signal)
    const [id, ...lines] = text.split('\n')
    if (id !== commit) throw new Failure('commit-not-found', `${commit} is not a commit of this repository`)
    return lines.join('\n').trim()
  }

  async function write(mirror: Mirror, commit: string, directory: string, signal: AbortSignal): Promise<string> {
    const repository = mirror.directory
    const check = createTreeCheck(limits)
    const list = { args: listTreeArguments(commit), directory: repository, repository, onOutput: check.read }
    const [message] = await Promise.all([messageOf(mirror, commit, signal), git(list, signal)])
    const workTree = join(directory, 'tree')
    await mkdir(workTree, { recursive: true, mode: 0o755 })
    if (check.files() > 0) {
      const index = join(directory, 'index')
      const args = ['read-tree', '-v', '--reset', '-u', commit]
      await git({ args, directory: workTree, repository, index, workTree }, signal)
      await rm(index)
    }
    return message
  }

  return async function checkout(mirror, commit, directory, signal) {
    try {
      return await write(mirror, commit, directory, signal)
    } catch (err) {
      await removeTree(directory)
      if (!(err instanceof GitRefusal)) throw err
      throw await translate(err, mirror, commit)
    }
  }
}

/** @throws Failure `limit-exceeded` */
function createMessageCheck(): (chunk: Buffer) => void {
  let bytes = 0
  return (chunk) => {
    bytes += chunk.length
    if (bytes > messageLimit) throw new Failure('limit-exceeded', 'the commit has a message of more than 1 MiB')
  }
}

async function translate(refusal: GitRefusal, mirror: Mirror, commit: string): Promise<Failure> {
  const cause = { cause: refusal }
  const invalidPath = /invalid path '(.*)'/.exec(refusal.message)?.[1]
  if (invalidPath !== undefined) {
    return new Failure('unsafe-path', `the commit holds a file named "${invalidPath}", which is not checked out`, cause)
  }
  const known = machineFailure(refusal)
  if (known !== null) return known
  if (
    /bad object|not a valid object name|Not a valid object|not a tree object|not a git repository|directory that does not exist/i.test(
      refusal.message
    )
  ) {
    if (!(await mirror.promises(commit))) {
      return new Failure('commit-not-found', `commit ${commit} is not in the repository`, cause)
    }
  }
  await mirror.discard()
  return new Failure('unavailable', "the builder's copy of the repository was damaged and is fetched anew", cause)
}

export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 })
}
