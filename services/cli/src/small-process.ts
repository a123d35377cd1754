import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { smallStartFlags } from '@slipway/service/small-start'

type Env = Record<string, string | undefined>

/** One that is given is kept: many installations that start for a moment, as those of tests, share it. */
const cacheOf = (home: string, env: Env) => env.NODE_COMPILE_CACHE ?? join(home, 'compile-cache')

/** For processes that run for long: a small young generation, for what they handle is streamed and lives shortly, and a small start. */
export const smallFlags = ['--max-semi-space-size=2', ...smallStartFlags]

/**
 * The gateway's young generation may grow once it is called. With fifty calls at a time a small one is full after a hundred, and 2 KiB of
 * each are copied; with this one it is after eight hundred, and 256 bytes are.
 */
export const smallGatewayFlags = ['--max-semi-space-size=16', ...smallStartFlags]

/**
 * Node keeps sources stripped and compiled: a process that has to strip them holds what strips them, 20 MiB, for good.
 * And its threads, which allocate little, share one heap of the C library.
 */
export function smallEnv(home: string, env: Env): { NODE_COMPILE_CACHE: string; MALLOC_ARENA_MAX: string } {
  return { NODE_COMPILE_CACHE: cacheOf(home, env), MALLOC_ARENA_MAX: '1' }
}

/**
 * Goes on as a small process; returns only when this is one. Flags can only be chosen when a process begins.
 * The first one of a state directory has everything stripped and compiled by a process that ends, which takes a second or two.
 *
 * @param env the process' own
 * @param loadOnly arguments with which this program loads all that it will need, and ends
 */
export function continueSmall(home: string, env: Env, loadOnly: string[]): void {
  if (process.execve === undefined) return
  if (smallFlags.every((flag) => process.execArgv.includes(flag))) {
    // Not for the programs that this one starts: git's threads allocate much.
    delete env.MALLOC_ARENA_MAX
    return
  }
  const small = { ...env, ...smallEnv(home, env) }
  const flags = [...smallFlags, ...process.execArgv]
  const program = process.argv[1] ?? ''
  // Should it fail, the start that follows fails in the same way, and tells it.
  if (!existsSync(cacheOf(home, env)))
    spawnSync(process.execPath, [...flags, program, ...loadOnly], { env: small, stdio: 'ignore' })
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], small)
}
