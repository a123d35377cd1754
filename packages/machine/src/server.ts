import { type ContainerOptions, runContainer, startContainer } from './container.ts'
import { connectDocker, type DockerOptions } from './docker.ts'
import { callEngine, type DockerConnection } from './engine-api.ts'
import { type ProcessOptions, type RunningProcess, runProcess, startProcess } from './process.ts'
import { findProgram, missingProgram, type ProgramOptions } from './program.ts'

/** Where the program of a server comes from. */
export interface ServerSource {
  /** What it is called; the first that is installed is taken. */
  programs: string[]
  /** What stands in for it when none is installed, if the Docker engine has it. Nothing is pulled here. */
  image: string
  programInImage: string
}

export interface SourceOptions {
  /** Where installed programs are looked for. */
  programs?: ProgramOptions
  /** The engine that may have the image; the usual one when not given. */
  docker?: DockerOptions
  /** Another image than the usual one. */
  image?: string
}

export type StartOptions = Omit<ProcessOptions, 'program' | 'uid' | 'gid'> & Pick<ContainerOptions, 'directory'>

export type RunOptions = Pick<StartOptions, 'directory' | 'args' | 'env' | 'logFile'>

export interface ServerProgram {
  start(options: StartOptions): Promise<RunningProcess>
  /** Runs the program to its end, beside the server: its own tools. @throws Failure `unavailable` with what it printed last */
  run(options: RunOptions, signal: AbortSignal): Promise<void>
}

/**
 * Decides how a server is started: by the installed program, else in a container of an image that is there.
 *
 * @throws Failure `invalid-configuration` telling what to install
 */
export async function findServer(source: ServerSource, options: SourceOptions): Promise<ServerProgram> {
  for (const name of source.programs) {
    const program = await findProgram(name, options.programs)
    if (program === null) continue
    return {
      start: (start) => startProcess({ ...start, program }),
      run: (run, signal) => runProcess({ ...run, program }, signal)
    }
  }
  const image = options.image ?? source.image
  const connection = await engineWith(image, options.docker)
  if (connection === null) throw missingProgram(source.programs)
  const inContainer = { program: source.programInImage, connection, image }
  return {
    start: (start) => startContainer({ ...start, ...inContainer }),
    run: (run, signal) => runContainer({ ...run, ...inContainer }, signal)
  }
}

async function engineWith(image: string, options: DockerOptions | undefined): Promise<DockerConnection | null> {
  try {
    const { connection, isLocal } = await connectDocker(options)
    if (!isLocal) return null
    const { status } = await callEngine(connection, 'GET', `/images/${image}/json`, { timeoutMs: 5000 })
    return status === 200 ? connection : null
  } catch {
    return null // no engine: then the program is what is missing
  }
}
