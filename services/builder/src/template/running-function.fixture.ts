import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Planted, plant, plantIn } from '../context/checkout.fixture.ts'
import type { BuiltInName } from './template.ts'

export interface RunningFunction {
  url: string
  port: number
  /** What it printed so far. */
  output(): string
  /** Asks it to stop, and waits for its end. */
  stop(): Promise<{ code: number | null; ms: number }>
  terminate(): void
  startMs: number
}

const programs: Record<BuiltInName, [string, string]> = {
  node: [process.execPath, 'index.mjs'],
  static: [process.execPath, 'index.mjs'],
  python: ['python3', 'index.py']
}

/** What holds back requests of a handler, in another process, until the test opens it. */
export function createGate(t: TestContext): { path: string; open(): void } {
  const path = join(plant(t, {}), 'open')
  return { path, open: () => writeFileSync(path, '') }
}

/** Until so many requests wait at the gate: by a handler that tells it. */
export async function untilWaiting(url: string, count: number): Promise<void> {
  while ((await (await fetch(`${url}/?waiting=`)).text()) !== String(count)) await sleep(5)
}

/**
 * Asks until the function says that it stops, which it does for a moment only.
 *
 * @returns what a request is answered then
 */
export async function untilStopping(url: string): Promise<string> {
  for (;;) {
    const [late, ready] = await Promise.all([fetch(`${url}/?now=`), fetch(`${url}/_/ready`)])
    const [text] = await Promise.all([late.text(), ready.text()])
    if (ready.status === 503 && late.headers.get('connection') === 'close') return text
    await sleep(5)
  }
}

/** Starts a function as its image would: the template's files, and the handler's beside them. */
export async function startFunction(
  t: TestContext,
  template: BuiltInName,
  files: Record<string, Planted>,
  env: Record<string, string> = {}
): Promise<RunningFunction> {
  const folder = plant(t, {})
  cpSync(fileURLToPath(new URL(`../../templates/${template}`, import.meta.url)), folder, { recursive: true })
  plantIn(join(folder, 'function'), files)
  const start = performance.now()
  const [program, script] = programs[template]
  const child = spawn(program, [script], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', PYTHONUNBUFFERED: '1', port: '0', ...env }
  })
  let text = ''
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const port = await new Promise<number>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      text += `${line}\n`
      const match = /^listening on port (\d+)$/.exec(line)
      if (match !== null) resolve(Number(match[1]))
    })
    child.once('close', (code) => reject(new Error(`ended with ${code}: ${text}`)))
    child.once('error', reject)
  })
  const startMs = performance.now() - start
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    startMs,
    output: () => text,
    terminate: () => child.kill('SIGTERM'),
    async stop() {
      const from = performance.now()
      child.kill('SIGTERM')
      await ended
      return { code: child.exitCode, ms: performance.now() - from }
    }
  }
}
