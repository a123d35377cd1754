import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { Failure, type FailureCode } from '@slipway/domain'

/** What stands at a path of a checkout: text, bytes, a link, or something of another mode. */
export type Planted = string | Buffer | { link: string } | { text: string; mode: number }

/** A folder with these files, gone after the test. */
export function plant(t: TestContext, files: Record<string, Planted>): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-checkout-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  plantIn(folder, files)
  return folder
}

export function plantIn(folder: string, files: Record<string, Planted>): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path)
    mkdirSync(dirname(target), { recursive: true })
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(target, content)
    else if ('link' in content) symlinkSync(content.link, target)
    else writeFileSync(target, content.text, { mode: content.mode })
  }
}

/** Something that has to fail as foreseen, with these words. */
export async function assertFails(run: Promise<unknown>, code: FailureCode, words: RegExp): Promise<Failure> {
  const err: unknown = await run.then(
    () => assert.fail(`expected a Failure ${code} ${String(words)}`),
    (thrown: unknown) => thrown
  )
  if (!(err instanceof Failure)) throw err
  assert.equal(err.code, code, err.message)
  assert.match(err.message, words)
  return err
}
