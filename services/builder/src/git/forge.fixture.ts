import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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
      const work = mkdtempSync(join(tmpdir(), 'work-'))
      try {
        const tree = writeTree(git, repository, work, files)
        const parent = currentCommit(git, repository, branch)
        const parents = parent === null ? [] : ['-p', parent]
        const commit = git(repository, ['commit-tree', tree, ...parents, '-m', message])
        git(repository, ['update-ref', `refs/heads/${branch}`, commit])
        return commit
      } finally {
        rmSync(work, { recursive: true })
      }
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

function writeTree(git: TestForge['git'], repository: string, work: string, files: Record<string, string>): string {
  const index: string[] = []
  for (const [path, content] of Object.entries(files)) {
    const isLink = content.startsWith('link:')
    const file = join(work, 'content')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, isLink ? content.slice('link:'.length) : content)
    const blob = git(repository, ['hash-object', '-w', '--', file])
    index.push(`${isLink ? '120000' : '100644'} ${blob}\t${path}`)
  }
  // `update-index` refuses names that a hostile server may well send: build the trees by hand.
  return makeTree(git, repository, index)
}

/** Trees from `<mode> <blob>\t<path>` lines, with names that git's own commands would refuse. */
function makeTree(git: TestForge['git'], repository: string, entries: string[]): string {
  const here: string[] = []
  const below = new Map<string, string[]>()
  for (const entry of entries) {
    const [about = '', path = ''] = entry.split('\t')
    const slash = path.indexOf('/')
    if (slash === -1) {
      here.push(`${about.replace(' ', ' blob ')}\t${path}`)
    } else {
      const list = below.get(path.slice(0, slash)) ?? []
      list.push(`${about}\t${path.slice(slash + 1)}`)
      below.set(path.slice(0, slash), list)
    }
  }
  for (const [name, list] of below) here.push(`040000 tree ${makeTree(git, repository, list)}\t${name}`)
  return git(repository, ['mktree', '-z'], here.map((line) => `${line}\0`).join(''))
}

function currentCommit(git: TestForge['git'], repository: string, branch: string): string | null {
  const found = git(repository, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])
  return found === '' ? null : found
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
