import { Failure } from '@slipway/domain'
import type { GitRefusal } from './git.ts'

const missingRef = /couldn't find remote ref/
/** Printed by a doubly verbose fetch when it asks a server for its refs by protocol 2. */
const askedByProtocol2 = /^POST git-upload-pack/m
const missingObject = /not our ref|unadvertised object|no such remote ref|remote did not send all necessary objects/

/**
 * Only a server that was really asked can say so: git also takes any web page for a list of refs (of none).
 *
 * @throws Failure `unavailable`
 */
export function saysRefIsMissing(refusal: GitRefusal): boolean {
  if (!missingRef.test(refusal.message)) return false
  if (askedByProtocol2.test(refusal.message)) return true
  throw new Failure('unavailable', 'the forge did not answer as a git server (protocol 2 over HTTP)', {
    cause: refusal
  })
}

/** The forge does not have an object that was asked for by its id, or does not give it that way. */
export function saysObjectIsMissing(refusal: GitRefusal): boolean {
  return missingObject.test(refusal.message)
}

/** `mismatched algorithms: client sha1; server sha256` */
export function objectFormatOf(refusal: GitRefusal): string | null {
  return /mismatched algorithms: client \w+; server (\w+)/.exec(refusal.message)?.[1] ?? null
}

/**
 * What the forge, or the way to it, has to do with it. null when git complains of something else: of our own mirror.
 * The message never repeats git's: that may hold an address.
 */
export function remoteFailure(refusal: GitRefusal): Failure | null {
  const text = refusal.message
  const cause = { cause: refusal }
  if (/Authentication failed|could not read (?:Username|Password)|returned error: 40[13]/.test(text)) {
    return new Failure(
      'forbidden',
      'the forge did not let Slipway read the repository: check that it is still connected and that its credential may read it',
      cause
    )
  }
  if (/repository '.*' not found|returned error: (?:404|410)|Repository not found/.test(text)) {
    return new Failure(
      'not-found',
      'the forge says that the repository does not exist, or does not show it to us',
      cause
    )
  }
  if (/returned error: 429/.test(text)) {
    return new Failure('rate-limited', 'the forge asks for fewer requests; the build is tried again', cause)
  }
  if (/returned error: 30[0-9]|redirect/.test(text)) {
    return new Failure(
      'unavailable',
      'the forge redirects the repository to another address, which is not followed: was it renamed?',
      cause
    )
  }
  if (unreachable.test(text)) {
    return new Failure('unavailable', `the forge could not be reached by git (${reasonOf(text)})`, cause)
  }
  return null
}

const unreachable =
  /unable to access|Could not resolve|Failed to connect|Connection (?:refused|reset|timed out)|Couldn't connect|timed out|RPC failed|early EOF|the remote end hung up|unexpected disconnect|SSL|TLS|certificate|returned error: 5\d\d|Operation too slow|Empty reply|bad line length|protocol error|expected flush|invalid server response|dumb http|not valid: is this a git repository|transport .* not allowed|unable to find remote helper/i

/** The part of git's message behind the address. */
function reasonOf(text: string): string {
  const line = text.split('\n').find((each) => unreachable.test(each)) ?? ''
  return line
    .replaceAll(/'[^']*:\/\/[^']*'|\S*:\/\/\S*/g, 'its address')
    .replace(/^(?:fatal|error): /, '')
    .slice(0, 200)
}

/** A full disk or missing rights: nothing that a fresh mirror would mend. */
export function machineFailure(refusal: GitRefusal): Failure | null {
  if (/No space left on device|Disk quota exceeded/.test(refusal.message)) {
    return new Failure('unavailable', 'the disk of the builder is full: free some space', { cause: refusal })
  }
  if (/Permission denied|Read-only file system/.test(refusal.message)) {
    return new Failure('unavailable', 'the builder may not write its state directory', { cause: refusal })
  }
  if (/spawn git ENOENT/.test(refusal.message)) {
    return new Failure('unavailable', 'git is not installed on the builder', { cause: refusal })
  }
  return null
}
