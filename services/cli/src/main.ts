#!/usr/bin/env node
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain/failure'
import { createProgram } from './program.ts'

const settings = {
  SLIPWAY_HOME: process.env.SLIPWAY_HOME ?? '.slipway',
  LOGINS_FILE: join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'slipway', 'logins.json'),
  ...(process.env.SLIPWAY_URL === undefined ? {} : { SLIPWAY_URL: process.env.SLIPWAY_URL }),
  ...(process.env.SLIPWAY_TOKEN === undefined ? {} : { SLIPWAY_TOKEN: process.env.SLIPWAY_TOKEN })
}
const print = (line: string) => process.stdout.write(`${line}\n`)

const context = { settings, print, directory: process.cwd(), env: process.env }
const hasScreen = process.platform === 'darwin' || (process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY) !== undefined

/** Exit codes: 1 failed, 2 usage, 3 not signed in, 4 not found, 5 superseded. */
const exitCodes: Partial<Record<Failure['code'], number>> = {
  'invalid-request': 2,
  unauthenticated: 3,
  'not-found': 4,
  superseded: 5
}

try {
  await createProgram(context, { hasScreen, exit: process.exit }).parseAsync()
} catch (err) {
  if (!(err instanceof Failure)) throw err
  process.stderr.write(`slipway: ${err.message}\n`)
  process.exitCode = exitCodes[err.code] ?? 1
  // What is still open must not keep a failed command.
  await sleep(0)
  process.exit()
}
