import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished, PassThrough, type Readable } from 'node:stream'
import { Failure } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Git, pushReportVariable } from './git.ts'
import { frozenNamespace, type HostedRepository } from './repositories.ts'

/** What one push did to one ref. null: there was, or is, none. */
export interface RefChange {
  ref: string
  before: string | null
  after: string | null
}

export interface GitRequest {
  repository: HostedRepository
  endpoint: 'info/refs' | 'git-upload-pack' | 'git-receive-pack'
  service: 'git-upload-pack' | 'git-receive-pack'
  /** Login of who was authenticated; null for a reader without a name. */
  login: string | null
  isFrozen: boolean
}

export interface GitHttpDeps {
  root: string
  git: Git
  logger: Logger
  /** Told once per push that changed something, after git has ended. */
  onPush: (request: GitRequest, changes: RefChange[]) => void
}

/** Smart HTTP by git's own CGI program, git-http-backend(1), with both bodies streamed. */
export interface GitHttp {
  serve(request: FastifyRequest, reply: FastifyReply, git: GitRequest): Promise<FastifyReply>
  /** Resolves when git has ended for every request so far. */
  settled(): Promise<void>
  /** Ends what still runs. */
  close(): Promise<void>
}

const headLimitBytes = 64 * 1024

export function createGitHttp({ root, git, logger, onPush }: GitHttpDeps): GitHttp {
  const running = new Map<ChildProcess, Promise<void>>()
  const reports = join(root, 'pushes')

  async function serve(request: FastifyRequest, reply: FastifyReply, asked: GitRequest): Promise<FastifyReply> {
    await mkdir(reports, { recursive: true })
    const report = join(reports, randomUUID())
    const child = spawn('git', ['http-backend'], {
      env: { ...git.environment, ...cgiVariables(request, asked), [pushReportVariable]: report },
      stdio: ['pipe', 'pipe', 'pipe']
    })
    running.set(
      child,
      whenEnded(child, asked, report).finally(() => running.delete(child))
    )

    // git may answer before it has read everything, and the client may go away in the middle: neither is ours to mend.
    child.stdin.on('error', () => undefined)
    request.raw.pipe(child.stdin)
    finished(request.raw, (err) => {
      if (err) child.stdin.destroy()
    })

    const { status, headers, body } = await readAnswer(child.stdout)
    return reply
      .code(status)
      .headers(headers)
      .send(asked.endpoint === 'git-receive-pack' ? unbreakable(body) : body)
  }

  async function whenEnded(child: ChildProcess, asked: GitRequest, report: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2000)
    })
    child.once('error', (err) => {
      errors = err.message
      resolve()
    })
    child.once('close', () => resolve())
    await promise
    if (child.exitCode !== 0) {
      logger.info({ repository: asked.repository.fullName, endpoint: asked.endpoint, errors }, 'git ended early')
    }
    if (asked.endpoint !== 'git-receive-pack') return
    const changes = await readReport(report)
    if (changes.length > 0) onPush(asked, changes)
  }

  return {
    serve,
    async settled() {
      await Promise.all(running.values())
    },
    async close() {
      for (const child of running.keys()) child.kill()
      await Promise.all(running.values())
    }
  }
}

/** RFC 3875's variables, as git-http-backend(1) reads them. */
function cgiVariables(request: FastifyRequest, asked: GitRequest): Record<string, string> {
  const { headers } = request
  const text = (name: string, value: string | undefined): Record<string, string> =>
    value === undefined ? {} : { [name]: value }
  // git itself reads the protocol's version from this variable: only what looks like one is passed on.
  const protocol = headers['git-protocol']
  const isProtocol = typeof protocol === 'string' && /^[a-z0-9=:.-]{1,100}$/.test(protocol)
  const isRead = asked.service === 'git-upload-pack'
  const directory = asked.repository.directory
  return {
    GIT_PROJECT_ROOT: directory,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: `/${asked.endpoint}`,
    QUERY_STRING: asked.endpoint === 'info/refs' ? `service=${asked.service}` : '',
    REQUEST_METHOD: request.method,
    REMOTE_ADDR: request.ip,
    ...text('CONTENT_TYPE', headers['content-type']),
    ...text('CONTENT_LENGTH', headers['content-length']),
    ...text('HTTP_CONTENT_ENCODING', headers['content-encoding']),
    ...(isProtocol ? { GIT_PROTOCOL: protocol } : {}),
    ...(asked.login === null ? {} : { REMOTE_USER: asked.login }),
    ...(isRead && asked.isFrozen ? { GIT_NAMESPACE: frozenNamespace } : {})
  }
}

/** A client that leaves must not end git between changing a ref and telling of it: what it no longer reads is thrown away. */
function unbreakable(body: Readable): Readable {
  const answer = new PassThrough()
  body.pipe(answer)
  answer.once('close', () => {
    body.unpipe(answer)
    body.resume()
  })
  return answer
}

async function readAnswer(
  stdout: Readable
): Promise<{ status: number; headers: Record<string, string>; body: Readable }> {
  const head = await readHead(stdout)
  const headers: Record<string, string> = {}
  let status = 200
  for (const line of head.split('\r\n')) {
    const [, name = '', value = ''] = /^([A-Za-z-]+): *(.*)$/.exec(line) ?? []
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else if (name !== '') headers[name.toLowerCase()] = value
  }
  return { status, headers, body: stdout }
}

/** Reads up to the empty line and puts back what follows it. */
async function readHead(stdout: Readable): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let seen = Buffer.alloc(0)
  function read(): void {
    for (let chunk: Buffer | null = stdout.read(); chunk !== null; chunk = stdout.read()) {
      seen = Buffer.concat([seen, chunk])
      const end = seen.indexOf('\r\n\r\n')
      if (end >= 0) {
        stdout.off('readable', read)
        if (end + 4 < seen.length) stdout.unshift(seen.subarray(end + 4))
        return resolve(seen.subarray(0, end).toString('latin1'))
      }
      if (seen.length > headLimitBytes) return fail()
    }
  }
  function fail(): void {
    reject(new Failure('unavailable', 'git http-backend ended without an answer: is git installed?'))
  }
  // Closed without an end: git could not be started.
  stdout.on('readable', read).once('end', fail).once('close', fail)
  return promise
}

async function readReport(file: string): Promise<RefChange[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    // The hook did not run: nothing was changed.
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return []
    throw err
  }
  await rm(file, { force: true })
  const idOf = (id: string) => (/^0+$/.test(id) ? null : id)
  return text.split('\n').flatMap((line) => {
    const [before, after, ref] = line.split(' ')
    return before === undefined || after === undefined || ref === undefined
      ? []
      : [{ ref, before: idOf(before), after: idOf(after) }]
  })
}
