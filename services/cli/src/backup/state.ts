import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '@slipway/domain'
import { startRegistry } from '@slipway/machine'
import { commonSettings, keepSettings, loadConfig } from '@slipway/service'
import { type DirectoryLock, lockDirectory } from '@slipway/service/directory-lock'
import Type, { type Static } from 'typebox'
import { portsOf, registryOptions } from '../servers.ts'

export const BackupConfig = Type.Object({
  ...commonSettings,
  ...keepSettings,
  /** Unset: the registry of Slipway's own, whose images belong into the backup. */
  REGISTRY: Type.Optional(Type.String({ minLength: 1 }))
})
export type BackupConfig = Static<typeof BackupConfig>

export function backupConfig(env: Record<string, string | undefined>): BackupConfig {
  return loadConfig(BackupConfig, env)
}

/** What the first entry of an archive says. */
export interface BackupHead {
  slipwayBackup: 1
  createdAt: number
  /** Files of the state directory, by name. */
  files: string[]
  /** The registry whose images are in it; null: it was somebody else's. */
  registry: string | null
}

/** What a start makes anew, or what is backed up in another way: the database, and images by way of the registry. */
const leftOut =
  /^(?:store\.sqlite(?:-wal|-shm|\.restoring.*)?|lock(?:\..*)?|endpoints\.json|.*\.log|.*\.sock|.*\.(?:new|partial))$/

/** Ports, tokens, keys: all files of the state directory itself. What is below it is made anew. */
export async function stateFiles(home: string): Promise<string[]> {
  const entries = await readdir(home, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isFile() && !leftOut.test(entry.name) ? [entry.name] : [])).sort()
}

/** Where a restore puts things together before they take their place. */
export function stagingOf(home: string): string {
  return join(home, 'restoring')
}

/** @throws Failure `conflict` for the half of an installation that a restore left which was killed */
export function refuseHalfRestored(home: string): void {
  if (!existsSync(stagingOf(home))) return
  throw new Failure(
    'conflict',
    `a restore into ${home} was cut short: run "slipway restore" again, with --force if it says so`
  )
}

/** The lock of the state directory; null while `slipway up` has it. */
export async function lockUnlessRunning(home: string): Promise<DirectoryLock | null> {
  try {
    return await lockDirectory(home)
  } catch (err) {
    if (err instanceof Failure && err.code === 'conflict') return null
    throw err
  }
}

/** Slipway's own registry, started for as long as it is needed here where `slipway up` does not run it. */
export async function openRegistry(
  home: string,
  isRunning: boolean
): Promise<{ host: string; close(): Promise<void> }> {
  const ports = await portsOf(home)
  if (isRunning) return { host: `127.0.0.1:${ports.registry}`, close: async () => {} }
  const registry = await startRegistry(registryOptions(home, ports))
  return { host: registry.host, close: () => registry.stop() }
}
