import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, type RunningProcess, requireProgram, startProcess } from '@slipway/machine'

const run = promisify(execFile)

/** A PostgreSQL of a test's own: on a free port of loopback, in a directory of its own, without a password. */
export interface TestPostgres {
  /** Makes an empty database. Returns its URL. */
  makeDatabase(): Promise<string>
  /** Ends the server as if it were away; its data stays. */
  halt(): Promise<void>
  /** Starts it again, on the same port. */
  resume(): Promise<void>
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package makes. */
async function userOfServer(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout))
  )
  return { uid, gid }
}

/** True when it is this server that listens: it says so in a file of its own directory. */
async function isReady(directory: string, pid: number): Promise<boolean> {
  try {
    const lines = (await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8')).split('\n')
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return false
    throw err
  }
}

/** Starts a PostgreSQL from the operating system's package. It dies with this process. */
export async function startPostgres(): Promise<TestPostgres> {
  // Found one by one: a machine may have links to some of them elsewhere.
  const program = await requireProgram('postgres')
  const initdb = await requireProgram('initdb')
  const createdb = await requireProgram('createdb')
  const user = await userOfServer()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-postgres-'))
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  const port = await freePort()
  const data = join(directory, 'data')
  await run(
    initdb,
    ['--pgdata', data, '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'],
    { ...user, cwd: directory }
  )

  const start = (): Promise<RunningProcess> =>
    startProcess({
      program,
      // Nothing of a test has to survive a power cut.
      args: ['-D', data, '-p', String(port), '-k', directory, '-h', '127.0.0.1', '-c', 'fsync=off', '-c', 'jit=off'],
      ...user,
      cwd: directory,
      logFile: join(directory, 'log'),
      isReady: (pid) => isReady(directory, pid),
      // "Fast": sessions are ended, not waited for.
      stopSignal: 'SIGINT'
    })
  let server = await start()

  return {
    async makeDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`
      const args = ['--host', '127.0.0.1', '--port', String(port), '--username', 'postgres', name]
      await run(createdb, args)
      return `postgres://postgres@127.0.0.1:${port}/${name}`
    },
    halt: () => server.stop(),
    async resume() {
      server = await start()
    },
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    }
  }
}
