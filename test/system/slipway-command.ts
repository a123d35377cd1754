import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Scene } from './scene.ts'

const cli = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))

/** Runs the `slipway` command as the administrator of a scene's installation would; returns what it printed. */
export async function slipway(scene: Scene, args: string[], more: Record<string, string> = {}): Promise<string> {
  const env = { ...process.env, SLIPWAY_HOME: join(scene.directory, 'home'), ...more }
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], { env })
  return stdout
}
