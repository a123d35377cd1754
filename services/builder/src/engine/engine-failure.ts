import { Failure } from '@slipway/domain'

/** What lies between us, the engine and the registries, and passes. */
const passing =
  /connection refused|connection reset|i\/o timeout|no such host|TLS handshake|network is unreachable|no route to host|server misbehaving|temporary failure|Client\.Timeout|deadline exceeded|unexpected EOF|\bEOF$|toomanyrequests|too many requests|50[0234] (?:Internal|Bad|Service|Gateway)|received unexpected HTTP status: 5|dial tcp|no space left|no such image: sha256|no active session|rpc error: code = (?:Unavailable|Canceled)/i

const missing =
  /not found|manifest unknown|does not exist|access denied|repository does not exist|insufficient_scope|unauthorized/i

export function isPassing(message: string): boolean {
  return passing.test(message)
}

export function saysMissing(message: string): boolean {
  return missing.test(message)
}

/** An error of a request to the engine: it was not reached, or could not do what was asked. */
export function engineFailure(err: unknown, what: string): Failure {
  if (err instanceof Failure) return err
  const cause = { cause: err }
  const code = err instanceof Error && 'code' in err ? err.code : undefined
  const isConnecting =
    err instanceof Error && 'syscall' in err && (err.syscall === 'connect' || err.syscall === 'getaddrinfo')
  if (isConnecting && code === 'EACCES') {
    return new Failure('unavailable', `${what}: the builder may not use the Docker engine's socket`, cause)
  }
  if (isConnecting) {
    return new Failure('unavailable', `${what}: no Docker engine answers: start it, or set DOCKER_HOST`, cause)
  }
  return new Failure('unavailable', `${what}: the Docker engine could not do it (${messageOf(err)})`, cause)
}

export function messageOf(err: unknown): string {
  const text = err instanceof Error ? err.message : String(err)
  return text.replace(/^\(HTTP code \d+\) (?:server error|unexpected|bad parameter|no such \w+) - /, '').trim()
}

/** An error that a build ended with: the Dockerfile's own, or one of what it needs to run. */
export function buildFailure(message: string, code: number | null, step: string | null): Failure {
  const instruction = step === null ? null : shorten(step.replace(/^\[[^\]]*\] /, ''))
  const exit = code ?? exitCodeIn(message)
  if (exit !== null) {
    const where = instruction === null ? '' : ` in \`${instruction}\``
    const hint = exit === 137 ? ' (killed: it may have run out of memory)' : ''
    return new Failure('build-failed', `exit code ${exit}${where}${hint}`)
  }
  const reason = shorten(
    message.replace(/^(?:failed to (?:solve(?: with frontend dockerfile\.v0)?|create LLB definition): )+/, '')
  )
  const text = instruction === null ? reason : `${reason} in \`${instruction}\``
  return new Failure(isPassing(message) ? 'unavailable' : 'build-failed', text)
}

/** BuildKit says it in words: `executor failed running […]: exit code: 3`, later `process "…" did not complete successfully: …`. */
function exitCodeIn(message: string): number | null {
  const found = /(?:executor failed running|did not complete successfully).*exit code: (\d+)/s.exec(message)
  return found === null ? null : Number(found[1])
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > 200 ? `${line.slice(0, 199)}…` : line
}
