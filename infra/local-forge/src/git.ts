import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'

/** The variable that tells our hook where to write what a push changed. */
export const pushReportVariable = 'LOCAL_FORGE_PUSH_REPORT'

const outputLimitBytes = 16 * 1024 * 1024

// Any commit that a repository holds may be asked for, as at GitHub and GitLab. Nothing runs in the background
// after a push, and the frozen view of a repository (see repositories.ts) is not shown beside the real one.
const configuration = (hooks: string) => `[core]
	hooksPath = ${JSON.stringify(hooks)}
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
	allowReachableSHA1InWant = true
	allowTipSHA1InWant = true
[receive]
	autogc = false
[transfer]
	hideRefs = refs/namespaces
[gc]
	auto = 0
[maintenance]
	auto = false
[safe]
	directory = *
`

// git hands the hook "<before> <after> <ref>" per ref that was really changed.
const postReceiveHook = `#!/bin/sh\nexec cat >"$${pushReportVariable}"\n`

/** Runs git with settings of our own and none of the machine's. */
export interface Git {
  readonly environment: Record<string, string>
  /** @throws Failure `unavailable` when git fails. */
  run(args: string[], input?: string): Promise<string>
  /** null when git ends with another exit code than 0, or prints more than 16 MiB. */
  ask(args: string[]): Promise<string | null>
}

/** @param path where programs are found, as in `PATH`. */
export async function createGit(root: string, path: string): Promise<Git> {
  const home = join(root, 'git')
  const hooks = join(home, 'hooks')
  await mkdir(hooks, { recursive: true })
  await writeFile(join(home, 'config'), configuration(hooks))
  await writeFile(join(hooks, 'post-receive'), postReceiveHook)
  await chmod(join(hooks, 'post-receive'), 0o755)

  const environment = {
    PATH: path,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(home, 'config'),
    GIT_TERMINAL_PROMPT: '0'
  }

  async function run(args: string[], input = ''): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const child = execFile('git', args, { env: environment, maxBuffer: outputLimitBytes }, (err, stdout, stderr) => {
      if (err === null) return resolve(stdout)
      const reason = stderr.trim().split('\n').at(-1) || err.message
      reject(
        new Failure('unavailable', `git ${args.find((arg) => !arg.startsWith('-'))} failed: ${reason}`, { cause: err })
      )
    })
    // git may end without having read its input: its exit code says why.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    return promise
  }

  return {
    environment,
    run,
    ask: (args) => run(args).catch(() => null)
  }
}
