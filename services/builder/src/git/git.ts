import { randomUUID } from 'node:crypto'
import { Failure, type GitCredential, overLimit } from '@slipway/domain'
import { simpleGit } from 'simple-git'
import { endProcesses } from './end-processes.ts'

export interface GitCall {
  args: string[]
  /** Where it runs. */
  directory: string
  /** The repository, its index and its work tree; git looks for none of them by itself. */
  repository?: string
  index?: string
  workTree?: string
  /** For `fetch`: whom the credential is for. */
  remote?: { url: URL; credential: GitCredential | null }
  /** Sees standard output as it comes; may end the call by throwing. */
  onOutput?: (chunk: Buffer) => void
}

export type Git = (call: GitCall, signal: AbortSignal) => Promise<string>

/** git said no. `message` is what it printed. */
export class GitRefusal extends Error {
  override readonly name = 'GitRefusal'
}

/** The variables of git's own that we set; simple-git lets no other pass. */
const ownVariables = [
  'GIT_ALLOW_PROTOCOL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_ATTR_NOSYSTEM',
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_PROGRESS_DELAY',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  'GIT_TERMINAL_PROMPT',
  'GIT_WORK_TREE'
]

/**
 * Runs git with a private HOME and nothing of our own environment.
 *
 * @param environment where git is found (`PATH`) and what the network needs (proxies, certificates)
 */
export function createGit(options: {
  home: string
  protocols: readonly string[]
  environment: Record<string, string>
  timeoutMs: number
}): Git {
  const { home, protocols, environment, timeoutMs } = options
  const base = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...environment,
    HOME: home,
    LC_ALL: 'C',
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    // simple-git waits 50 ms longer for a command that printed nothing: have it say something at once.
    GIT_PROGRESS_DELAY: '0',
    GIT_TERMINAL_PROMPT: '0'
  }

  return async function git(call, signal) {
    signal.throwIfAborted()
    const own = environmentOf(call)
    const ending = new AbortController()
    const timeout = AbortSignal.timeout(timeoutMs)
    const stop = AbortSignal.any([signal, timeout, ending.signal])
    const mark = randomUUID()
    // git's own children outlive it when it is killed: they are found by a mark in their environment.
    const endings: Promise<void>[] = []
    const endAll = () => {
      endings.push(endProcesses('SLIPWAY_GIT_CALL', mark))
    }
    stop.addEventListener('abort', endAll, { once: true })
    try {
      const instance = simpleGit({
        baseDir: call.directory,
        abort: stop,
        allowEnvironment: ownVariables,
        errors: failureOf
      })
      instance.env({ ...base, ...own, SLIPWAY_GIT_CALL: mark })
      if (call.onOutput !== undefined) watch(instance, call.onOutput, ending)
      return await instance.raw(call.args)
    } catch (err) {
      await Promise.all(endings)
      if (ending.signal.aborted) throw ending.signal.reason
      signal.throwIfAborted()
      if (timeout.aborted) {
        throw overLimit({ what: `git ${call.args[0]}`, ms: timeoutMs, setting: 'GIT_TIMEOUT_MS' }, 'ours', {
          cause: err
        })
      }
      throw new GitRefusal(err instanceof Error ? err.message.trim() : String(err), { cause: err })
    } finally {
      stop.removeEventListener('abort', endAll)
    }
  }
}

/** simple-git takes a command that was killed, or failed without a word, for one that is done. */
function failureOf(error: Buffer | Error | undefined, result: { exitCode: number | null }): Buffer | Error | undefined {
  if (error !== undefined || result.exitCode === 0) return error
  return new Error(result.exitCode === null ? 'git was killed' : `git ended with exit code ${result.exitCode}`)
}

function watch(
  instance: ReturnType<typeof simpleGit>,
  onOutput: (chunk: Buffer) => void,
  ending: AbortController
): void {
  instance.outputHandler((_command, stdout) => {
    stdout.on('data', (chunk: Buffer) => {
      if (ending.signal.aborted) return
      try {
        onOutput(chunk)
      } catch (err) {
        ending.abort(err)
      }
    })
  })
}

function environmentOf(call: GitCall): Record<string, string> {
  const { repository, index, workTree, remote } = call
  return {
    ...(repository === undefined ? {} : { GIT_DIR: repository }),
    ...(index === undefined ? {} : { GIT_INDEX_FILE: index }),
    ...(workTree === undefined ? {} : { GIT_WORK_TREE: workTree }),
    ...(remote === undefined ? {} : credentialEnvironment(remote.url, remote.credential))
  }
}

function credentialEnvironment(url: URL, credential: GitCredential | null): Record<string, string> {
  if (credential === null) return {}
  const { username, password } = credential
  // The helper's answer is lines: one that holds a line end could say more than was meant.
  if (/[\r\n\0]/.test(username + password)) {
    throw new Failure('invalid-configuration', "the forge's credential holds a line end and cannot be given to git")
  }
  return { SLIPWAY_GIT_HOST: url.host, SLIPWAY_GIT_USERNAME: username, SLIPWAY_GIT_PASSWORD: password }
}
