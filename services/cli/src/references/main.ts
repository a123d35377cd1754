import { writeFile } from 'node:fs/promises'
import { references } from './references.ts'

for (const [path, make] of Object.entries(references)) {
  await writeFile(new URL(`../../../../${path}`, import.meta.url), await make())
  process.stdout.write(`${path}\n`)
}
