import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ground } from './ground.ts'

/** Copies what tells how a run went wrong out of its directory, which is removed at the end. @returns where to. */
export async function keepEvidence({ home }: Pick<Ground, 'home'>, name: string): Promise<string> {
  const directory = join(tmpdir(), `slipway-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`)
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const names = (await readdir(home)).filter((name) => name.endsWith('.log') || name.startsWith('store.sqlite'))
  for (const name of names) await cp(join(home, name), join(directory, name))
  return directory
}
