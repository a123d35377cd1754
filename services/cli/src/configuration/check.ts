import { ApiConfig, assertReachedPrivately } from '@slipway/api'
import { DeployerConfig } from '@slipway/deployer/config'
import { Failure, suggestion } from '@slipway/domain'
import { createForgeApis, createIdentityProviders, createWebhookSources } from '@slipway/forge'
import { ReceiverConfig } from '@slipway/receiver'
import { parseKeyring } from '@slipway/secrets'
import { isGiven, loadConfig, parseSettings, readSettingsFile, type SettingsFile } from '@slipway/service'
import { problemsOfSettings, settingGroups } from './catalog.ts'

type Env = Record<string, string | undefined>

export interface CheckedSettings {
  /** The file that was read; null: there is none. */
  file: string | null
  /** Settings of it that the environment goes over. */
  hidden: string[]
  /** Each with its name, what it has to be and where it stands; never a value. */
  problems: string[]
}

/**
 * What is wrong with the settings of a file and an environment, all at once.
 *
 * @param named the file; undefined: the one that a start would read
 */
export function checkSettings(env: Env, named: string | undefined): CheckedSettings {
  const file = readSettingsFile(env, named)
  const { path, values, lines, problems } = file ?? parseSettings('', '')
  const hidden = Object.keys(values).filter((name) => isGiven(env, name))
  const shown = Object.entries(values).filter(([name]) => !hidden.includes(name))
  const merged = {
    ...Object.fromEntries(shown),
    ...Object.fromEntries(Object.entries(env).filter(([, value]) => value))
  }
  const where = (name: string) => (lines.has(name) && !hidden.includes(name) ? ` (line ${lines.get(name)})` : '')
  const wrong = problemsOfSettings(merged).map(({ name, message }) => `${message}${where(name)}`)
  return {
    file: file === null ? null : path,
    hidden,
    // What goes together is only looked at when each is right by itself.
    problems: [...problems, ...unknownOf(file), ...(wrong.length > 0 ? wrong : problemsBetween(merged))]
  }
}

/** What is in the file that a start reads and is no setting: a later version may have had it, so it does not end the start. */
export function unknownSettings(env: Env): string[] {
  return unknownOf(readSettingsFile(env))
}

function unknownOf(file: SettingsFile | null): string[] {
  const known = settingGroups().flatMap(({ settings }) => settings.map(({ name }) => name))
  return Object.keys(file?.values ?? {})
    .filter((name) => !known.includes(name) && !known.includes(name.replace(/_FILE$/, '')))
    .map((name) => {
      const hint = suggestion(name, known) || ': docs/settings.md has all'
      return `${name} is no setting${hint} (line ${file?.lines.get(name)})`
    })
}

const keyrings = ['ENCRYPTION_KEYS', 'WEBHOOK_KEYS', 'SIGN_IN_KEYS', 'ACCOUNT_KEYS']

/** What a start would refuse: halves of what goes together, secrets that anybody would guess, keys that are none. */
function problemsBetween(env: Env): string[] {
  const starts: (() => unknown)[] = [
    () => createForgeApis(loadConfig(DeployerConfig, env)),
    () => createWebhookSources(loadConfig(ReceiverConfig, env)),
    () => createIdentityProviders(loadConfig(ApiConfig, env), Date.now),
    () => assertReachedPrivately(loadConfig(ApiConfig, env)),
    ...keyrings.map((name) => () => (env[name] ? parseKeyring(env[name], name) : null))
  ]
  const messages = starts.flatMap((start) => {
    try {
      start()
      return []
    } catch (err) {
      if (!(err instanceof Failure)) throw err
      return [err.message]
    }
  })
  return [...new Set(messages)]
}
