import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const environment = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Alice',
  GIT_AUTHOR_EMAIL: 'alice@example.com',
  GIT_COMMITTER_NAME: 'Alice',
  GIT_COMMITTER_EMAIL: 'alice@example.com'
}

/** A git host for tests: `git http-backend` behind HTTP, with what forges do to requests. */
export interface TestForge {
  directory: string
  url(path: string): string
  /** Answers of the HTTP server instead of git's, by the beginning of the path. */
  answers: Map<string, (req: IncomingMessage, res: ServerResponse) => void>
  /** When set, every request needs it. */
  credential: { username: string; password: string } | null
  /** `authorization` headers that came in. */
  authorizations: string[]
  /** Makes a commit of exactly these files on the branch, and returns its id. `link:` begins a symbolic link. */
  commit(repository: string, branch: string, files: Record<string, string>, message?: string): string
  git(repository: string, args: string[], input?: string | Buffer): string
  closeConnections(): void
}

export async function startForge(t: TestContext): Promise<TestForge> {
  const directory = mkdtempSync(join(tmpdir(), 'forge-'))
  const answers: TestForge['answers'] = new Map()
  const authorizations: string[] = []
  const server = createServer((req, res) => {
    const path = req.url ?? '/'
    if (req.headers.authorization !== undefined) authorizations.push(req.headers.authorization)
    const special = [...answers].find(([prefix]) => path.startsWith(prefix))
    if (special !== undefined) return special[1](req, res)
    if (!isAllowed(req, forge.credential)) {
      return res.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end()
    }
    return serveGit(directory, req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const git: TestForge['git'] = (repository, args, input) =>
    execFileSync('git', args, {
      cwd: join(directory, `${repository}.git`),
      env: environment,
      input: input ?? '',
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024
    }).trim()

  const forge: TestForge = {
    directory,
    url: (path) => `http://127.0.0.1:${port}/${path}`,
    answers,
    credential: null,
    authorizations,
    git,
    commit(repository, branch, files, message = 'change') {
      makeRepository(directory, repository)
      const parent = git(repository, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])
      const stream = commitStream(branch, parent, files, message)
      return git(repository, ['fast-import', '--quiet', '--date-format=now'], stream)
    },
    closeConnections: () => server.closeAllConnections()
  }
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return forge
}

function makeRepository(directory: string, repository: string): void {
  const path = join(directory, `${repository}.git`)
  if (existsSync(path)) return
  mkdirSync(path, { recursive: true })
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', path], { env: environment })
}

/** git-fast-import(1): a commit of exactly these files in one go. Prints its id. */
function commitStream(branch: string, parent: string, files: Record<string, string>, message: string): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
  const entries = Object.entries(files).map(([path, content]) => {
    const isLink = content.startsWith('link:')
    return `M ${isLink ? '120000' : '100644'} inline ${path}\n${data(isLink ? content.slice('link:'.length) : content)}`
  })
  return [
    `commit refs/heads/${branch}\nmark :1\ncommitter Alice <alice@example.com> now\n${data(message)}`,
    parent === '' ? '' : `from ${parent}\n`,
    `deleteall\n${entries.join('')}get-mark :1\n`
  ].join('')
}

function isAllowed(req: IncomingMessage, credential: TestForge['credential']): boolean {
  if (credential === null) return true
  const expected = Buffer.from(`${credential.username}:${credential.password}`).toString('base64')
  return req.headers.authorization === `Basic ${expected}`
}

/** RFC 3875, as far as `git http-backend` needs it. */
function serveGit(directory: string, req: IncomingMessage, res: ServerResponse): void {
  const url = new URL(req.url ?? '/', 'http://forge')
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...environment,
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: req.method ?? 'GET',
      CONTENT_TYPE: req.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: req.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(req.headers['git-protocol'] ?? '')
    },
    stdio: ['pipe', 'pipe', 'ignore']
  })
  req.pipe(backend.stdin)
  backend.stdin.on('error', () => req.unpipe())
  let head: Buffer = Buffer.alloc(0)
  backend.stdout.on('data', (chunk: Buffer) => {
    if (res.headersSent) return void res.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    for (const line of head.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(': ')
      if (name === 'Status') res.statusCode = Number.parseInt(value, 10)
      else res.setHeader(name, value)
    }
    res.flushHeaders()
    res.write(head.subarray(end + 4))
  })
  backend.stdout.on('end', () => res.end())
}
