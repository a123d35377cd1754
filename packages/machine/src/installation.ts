import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Writes down which installation makes Docker objects from a state directory, one id a line, so that they are found and removed
 * when the directory is (`npm run demo -- --clean`), even when the store is elsewhere or broken.
 */
export async function recordInstallation(directory: string, id: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'installations')
  if (!(await readLines(file)).includes(id)) await appendFile(file, `${id}\n`)
}

async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return []
    throw err
  }
}
