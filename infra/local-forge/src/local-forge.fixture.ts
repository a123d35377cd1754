import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createLogger } from '@slipway/service'
import { createLocalForge, type LocalForge, type LocalForgeOptions } from './index.ts'

const execute = promisify(execFile)

export const logger = createLogger('local-forge-test', 'silent')

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'local-forge-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

type Options = Partial<Omit<LocalForgeOptions, 'root' | 'logger' | 'kind'>>

export async function startGitHub(t: TestContext, options: Options = {}) {
  const root = await mkdtemp(join(tmpdir(), 'local-forge-'))
  const forge = await createLocalForge({ ...options, kind: 'github', root, logger })
  closeAfter(t, forge, root)
  return forge
}

export async function startGitLab(t: TestContext, options: Options = {}) {
  const root = await mkdtemp(join(tmpdir(), 'local-forge-'))
  const forge = await createLocalForge({ ...options, kind: 'gitlab', root, logger })
  closeAfter(t, forge, root)
  return forge
}

/** In one hook, for hooks run first in, first out: nothing may write to what is being removed. */
function closeAfter(t: TestContext, forge: LocalForge, root: string): void {
  t.after(async () => {
    await forge.close()
    await rm(root, { recursive: true, force: true })
  })
}

export interface Received {
  headers: IncomingHttpHeaders
  body: Buffer
  json: Record<string, unknown>
}

/** Stands where Slipway's receiver will: keeps what comes, and answers as it is told. */
export async function startReceiver(t: TestContext) {
  const received: Received[] = []
  const answer = { status: 202, delayMs: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      received.push({ headers: request.headers, body, json: JSON.parse(body.toString()) as Record<string, unknown> })
      setTimeout(() => response.writeHead(answer.status).end('{"code":"queued"}'), answer.delayMs).unref()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/webhooks`, received, answer }
}

/** A developer's clone. git sees neither the machine's settings nor its prompts. */
export async function createWorkingCopy(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com'
  }
  const git = async (...args: string[]) =>
    (await execute('git', args, { cwd: directory, env: environment, maxBuffer: 64 * 1024 * 1024 })).stdout.trim()
  await git('init', '--quiet', '--initial-branch=main')
  return {
    directory,
    git,
    /** Rejects with what git said. */
    async fails(...args: string[]): Promise<string> {
      const outcome = await git(...args).then(
        () => null,
        (err: { stderr: string }) => err.stderr
      )
      assert.notEqual(outcome, null, `git ${args[0]} should have failed`)
      return outcome ?? ''
    },
    /** @returns the commit's id. */
    async commit(message: string, files: Record<string, string> = { 'file.txt': message }): Promise<string> {
      for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content)
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
      return git('rev-parse', 'HEAD')
    }
  }
}
