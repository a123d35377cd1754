import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '@slipway/machine'
import type { OpenFaasScene } from '../system/openfaas-scene.ts'

/** OpenFaaS' own command line, unchanged, with a configuration and a working directory of its own. */
export interface FaasCli {
  directory: string
  run(args: string[], input?: string): Promise<{ code: number; output: string }>
  /** What it printed. @throws AssertionError when it failed */
  done(args: string[], input?: string): Promise<string>
  /** One that goes on until it is killed. */
  start(args: string[]): ChildProcess
}

/** One of OpenFaaS' programs: the bootstrap has found it, or it is on the PATH. */
export async function openFaasProgram(variable: string, name: string): Promise<string> {
  const program = process.env[variable] || (await findProgram(name))
  if (program) return program
  throw new Error(`there is no ${name} on this machine: put one on the PATH, or set ${variable} to it`)
}

export async function createFaasCli(scene: OpenFaasScene): Promise<FaasCli> {
  const program = await openFaasProgram('FAAS_CLI', 'faas-cli')
  const directory = join(scene.directory, 'faas')
  // Without such a folder it looks for templates on the Internet.
  await mkdir(join(directory, 'template'), { recursive: true })
  const env = {
    ...process.env,
    OPENFAAS_CONFIG: directory,
    HOME: directory,
    OPENFAAS_URL: scene.installation.endpoints.gateway
  }

  function run(args: string[], input = ''): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      const child = execFile(program, args, { env, cwd: directory, timeout: 180_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr })
      })
      // A command that takes no input may be over before it was offered any; how it ended says its code.
      child.stdin?.on('error', () => null).end(input)
    })
  }

  return {
    directory,
    run,
    async done(args, input) {
      const { code, output } = await run(args, input)
      assert.equal(code, 0, `faas-cli ${args.join(' ')}: ${output}`)
      return output
    },
    start: (args) => spawn(program, args, { env, cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
  }
}
