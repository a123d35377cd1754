import { ApiConfig } from '@slipway/api'
import { BuilderConfig } from '@slipway/builder/config'
import { DeployerConfig } from '@slipway/deployer/config'
import { Failure } from '@slipway/domain'
import { forgeApiSettings, signInSettings, webhookSettings } from '@slipway/forge'
import { gatewayProblems, gatewaySettings } from '@slipway/gateway/config'
import { ReceiverConfig } from '@slipway/receiver'
import {
  checkConfig,
  commonSettings,
  healthSettings,
  internalSettings,
  isolationSettings,
  registrySettings,
  type SettingProblem,
  type SettingSchema
} from '@slipway/service'
import type { TObject } from 'typebox'

type Env = Record<string, string | undefined>
type Settings = Readonly<Record<string, SettingSchema>>

/** Who reads settings, in the order in which what one says of a setting goes before what another says. */
const readers: readonly { service: string; settings: Settings; check(env: Env): SettingProblem[] }[] = [
  ...(
    [
      ['deployer', DeployerConfig],
      ['api', ApiConfig],
      ['builder', BuilderConfig],
      ['receiver', ReceiverConfig]
    ] satisfies [string, TObject][]
  ).map(([service, schema]) => ({
    service,
    settings: schema.properties as Settings,
    check: (env: Env) => checkConfig(schema, env)
  })),
  { service: 'gateway', settings: gatewaySettings, check: gatewayProblems }
]

/** What is no setting of a service, but of the libraries and programs that it works with, or of a command. */
const ofTheProcess: Settings = {
  DOCKER_HOST: {
    type: 'string',
    description: 'The Docker engine: `unix:///…` or `tcp://…`. Unset: the socket of this machine.'
  },
  HTTP_PROXY: { type: 'string', description: 'What git and image builds go through; so is `HTTPS_PROXY`.' },
  HTTPS_PROXY: { type: 'string', description: 'The same for https.' },
  NO_PROXY: { type: 'string', description: 'What they reach directly.' },
  BACKUP_PASSPHRASE: {
    type: 'string',
    description: 'What `slipway backup` encrypts with: better given with the command than kept beside what it protects.'
  }
}

export interface Setting {
  name: string
  schema: SettingSchema
  services: string[]
}

/** Every setting there is, by the heading under which the reference has it. */
export function settingGroups(): { title: string; settings: Setting[] }[] {
  const groups: { title: string; names: string[]; settings: Setting[] }[] = [
    { title: 'Everywhere', names: Object.keys(commonSettings) },
    { title: 'Addresses', names: ['PUBLIC_URL', 'RECEIVER_PUBLIC_URL', 'GATEWAY_PUBLIC_URL', 'FUNCTIONS_DOMAIN'] },
    { title: 'Forges', names: Object.keys({ ...forgeApiSettings, ...webhookSettings }) },
    {
      title: 'Signing in',
      names: [
        ...Object.keys(signInSettings),
        'SESSION_IDLE_HOURS',
        'SESSION_DAYS',
        'RIGHTS_FRESH_MS',
        'RIGHTS_STALE_MS'
      ]
    },
    { title: 'Keys', names: ['ENCRYPTION_KEYS', 'WEBHOOK_KEYS', 'SIGN_IN_KEYS', 'ACCOUNT_KEYS'] },
    {
      title: 'Services apart',
      names: [
        ...Object.keys(internalSettings),
        'INTERNAL_HOST',
        'INTERNAL_PORT',
        'INTERNAL_CERT',
        'INTERNAL_KEY',
        ...Object.keys(healthSettings)
      ]
    },
    { title: 'Images', names: [...Object.keys(registrySettings), 'REGISTRY_LAYOUT', 'PUSH_TIMEOUT_MS'] },
    { title: 'What may reach what', names: Object.keys(isolationSettings) },
    { title: 'Builds', names: Object.keys(BuilderConfig.properties).filter((name) => !isKept(name)) },
    { title: 'Functions', names: Object.keys(DeployerConfig.properties).filter((name) => !isKept(name)) },
    { title: 'What is kept', names: readers.flatMap(({ settings }) => Object.keys(settings)).filter(isKept) },
    { title: 'Status API and page', names: Object.keys(ApiConfig.properties) },
    { title: 'Webhooks', names: Object.keys(ReceiverConfig.properties) },
    { title: 'Gateway', names: Object.keys(gatewaySettings) }
  ].map((group) => ({ ...group, settings: [] }))
  const seen = new Set<string>()
  for (const group of groups) {
    for (const name of group.names) {
      if (seen.has(name)) continue
      seen.add(name)
      group.settings.push(settingOf(name))
    }
  }
  const process = Object.entries(ofTheProcess).map(([name, schema]) => ({
    name,
    schema,
    services: []
  }))
  return [...groups, { title: 'Of the process', settings: process }].filter(({ settings }) => settings.length > 0)
}

const isKept = (name: string) => /^(KEEP_|CLEAN_UP|MIN_FREE_MB|BUILD_CACHE_MB)/.test(name)

function settingOf(name: string): Setting {
  const having = readers.filter(({ settings }) => settings[name] !== undefined)
  const schemas = having.map(({ settings }) => settings[name] ?? {})
  const schema = schemas.find(({ description }) => description !== undefined) ?? schemas[0] ?? {}
  return { name, schema, services: having.map(({ service }) => service) }
}

/** What is wrong with the settings of an environment, for any service. */
export function problemsOfSettings(env: Env): SettingProblem[] {
  const found = new Map<string, SettingProblem>()
  for (const { check } of readers) {
    for (const problem of orProblem(() => check(env))) if (!found.has(problem.name)) found.set(problem.name, problem)
  }
  return [...found.values()]
}

/** A file that a setting is in and that cannot be read ends the reading of all. */
function orProblem(check: () => SettingProblem[]): SettingProblem[] {
  try {
    return check()
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return [{ name: err.message, message: err.message }]
  }
}
