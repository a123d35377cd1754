import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { Failure } from '@slipway/domain/failure'

type Env = Record<string, string | undefined>

/** One file of settings, `NAME=value` a line, as it was written. */
export interface SettingsFile {
  path: string
  values: Record<string, string>
  /** Where each name stands; the last one counts. */
  lines: ReadonlyMap<string, number>
  /** Lines that are none, names that stand there twice. */
  problems: string[]
}

/** What says where everything else is: it cannot itself be in the file. */
const ofTheEnvironment = ['SLIPWAY_CONFIG', 'SLIPWAY_HOME']

/**
 * The file that SLIPWAY_CONFIG names, else `slipway.env` in SLIPWAY_HOME where there is one.
 *
 * @throws Failure `invalid-configuration` where the named one cannot be read
 */
export function readSettingsFile(env: Env, named = env.SLIPWAY_CONFIG || undefined): SettingsFile | null {
  const path = resolve(named ?? join(env.SLIPWAY_HOME || '.slipway', 'slipway.env'))
  try {
    return parseSettings(readFileSync(path, 'utf8'), path)
  } catch (err) {
    if (named === undefined && (err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Failure('invalid-configuration', `the settings file ${path} cannot be read: ${(err as Error).message}`, {
      cause: err
    })
  }
}

/**
 * Adds the settings of the file to an environment, for services and what they start; what the environment has already stays.
 *
 * @throws Failure `invalid-configuration` that names every line that is not understood, never a value
 */
export function addSettingsFile(env: Env): void {
  const file = readSettingsFile(env)
  if (file === null) return
  if (file.problems.length > 0) {
    throw new Failure('invalid-configuration', `${file.path} is not valid:\n  ${file.problems.join('\n  ')}`)
  }
  const given = Object.entries(file.values).filter(([name]) => !isGiven(env, name))
  for (const [name, value] of given) env[name] = value
}

/** Itself, or by the file that `<name>_FILE` names; for such a name, the setting itself. */
export function isGiven(env: Env, name: string): boolean {
  return [name, `${name}_FILE`, name.replace(/_FILE$/, '')].some((one) => (env[one] ?? '') !== '')
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/

/** Node's own parser takes what it understands of a file and is silent about the rest; here that is a problem. */
export function parseSettings(text: string, path: string): SettingsFile {
  const lines = new Map<string, number>()
  const problems: string[] = []
  const all = text.split('\n')
  for (let at = 0; at < all.length; at++) {
    const line = all[at] ?? ''
    if (/^\s*(?:#.*)?$/.test(line)) continue
    const [, name, value = ''] = assignment.exec(line) ?? []
    if (name === undefined) {
      problems.push(`line ${at + 1} is not NAME=value: remove it, or begin it with #`)
      continue
    }
    const before = lines.get(name)
    if (before !== undefined)
      problems.push(`${name} is set twice, on lines ${before} and ${at + 1}: remove one of them`)
    if (ofTheEnvironment.includes(name))
      problems.push(`${name} on line ${at + 1} belongs into the environment, which says where this file is: remove it`)
    lines.set(name, at + 1)
    const quote = /^["'`]/.exec(value)?.[0]
    if (quote === undefined || value.indexOf(quote, 1) > 0) continue
    const end = all.findIndex((later, index) => index > at && later.includes(quote))
    if (end < 0) {
      problems.push(`${name} on line ${at + 1} begins with a quote that does not end`)
      break
    }
    at = end
  }
  const values = Object.entries(parseEnv(text)).flatMap(([name, value]) =>
    value === undefined || ofTheEnvironment.includes(name) ? [] : [[name, value] as const]
  )
  return { path, values: Object.fromEntries(values), lines, problems }
}
