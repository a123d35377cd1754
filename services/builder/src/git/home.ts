import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What git may speak. The forge's address decides which of them is used; everything else git knows (`ext`, `file`, …) is refused. */
export type GitProtocol = 'http' | 'https' | 'ssh'

/**
 * Makes the private HOME that git runs with: a `.gitconfig` of ours is the only configuration that it reads.
 * (simple-git refuses such settings on a command line, for there they would come from strangers.)
 */
export async function prepareHome(directory: string, protocols: readonly GitProtocol[]): Promise<void> {
  await mkdir(join(directory, 'no-templates'), { recursive: true, mode: 0o700 })
  const file = join(directory, '.gitconfig')
  const fresh = `${file}.${randomUUID()}`
  await writeFile(fresh, configuration(directory, protocols), { mode: 0o600 })
  await rename(fresh, file)
}

/**
 * Answers git with what stands in the environment of this one call, and only for the host that the call is for.
 * Nothing of it is ever in an argument or in a file.
 */
const credentialHelper = [
  '!answer() {',
  'test "$1" = get || return 0;',
  'while IFS= read -r line; do',
  'test "$line" = "host=$SLIPWAY_GIT_HOST" &&',
  'printf "username=%s\\npassword=%s\\n" "$SLIPWAY_GIT_USERNAME" "$SLIPWAY_GIT_PASSWORD";',
  'done; return 0; }; answer'
].join(' ')

function configuration(home: string, protocols: readonly GitProtocol[]): string {
  const allowed = protocols.map((name) => `[protocol "${name}"]\n  allow = always`).join('\n')
  return `# Written by Slipway at every start.
[protocol]
  allow = never
${allowed}
[credential]
  helper =
  helper = ${quote(credentialHelper)}
[http]
  # A forge that sends us elsewhere is asked again under the new name, not followed.
  followRedirects = false
  lowSpeedLimit = 1000
  lowSpeedTime = 30
[transfer]
  credentialsInUrl = die
[init]
  templateDir = ${quote(join(home, 'no-templates'))}
  defaultBranch = main
[core]
  hooksPath = /dev/null
  attributesFile = /dev/null
  excludesFile = /dev/null
  fsmonitor = false
  untrackedCache = false
  logAllRefUpdates = false
  # Larger objects are streamed instead of being held in memory.
  bigFileThreshold = 16m
  # A mirror is a cache: one that a power cut damaged is cloned anew.
  fsync = none
[fetch]
  # Every fetch makes one pack: quick to write, easy to count and to measure.
  unpackLimit = 1
  recurseSubmodules = false
  writeCommitGraph = false
  showForcedUpdates = false
[submodule]
  recurse = false
[gc]
  auto = 0
[maintenance]
  auto = false
`
}

function quote(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
