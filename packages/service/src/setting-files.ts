import { readFileSync } from 'node:fs'
import { Failure } from '@slipway/domain/failure'

type Env = Record<string, string | undefined>

/**
 * An environment in which a setting may be given by a file as well: `NAME_FILE` names it, as secrets of containers come.
 * The end of its last line is not part of the value. An empty variable counts as unset.
 *
 * @param names the settings that are looked for
 * @throws Failure `invalid-configuration` for a file that cannot be read, and where both are set
 */
export function withSettingFiles(env: Env, names: readonly string[]): Env {
  const read: Env = {}
  for (const name of names) {
    const path = env[`${name}_FILE`]
    if (path === undefined || path === '') continue
    if (env[name]) throw new Failure('invalid-configuration', `set either ${name} or ${name}_FILE, not both`)
    read[name] = contentOf(path, name)
    read[`${name}_FILE`] = undefined
  }
  return { ...env, ...read }
}

function contentOf(path: string, name: string): string {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? String(err.code) : 'error'
    throw new Failure('invalid-configuration', `the file that ${name}_FILE names cannot be read (${code})`, {
      cause: err
    })
  }
  const value = content.replace(/\r?\n$/, '')
  // What should be secret must not be left out in silence.
  if (value === '') throw new Failure('invalid-configuration', `the file that ${name}_FILE names is empty`)
  return value
}
