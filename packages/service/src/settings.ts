import { getServers } from 'node:dns'
import { isIPv4 } from 'node:net'
import { join, resolve } from 'node:path'
import Type from 'typebox'

/** What every service needs to know. Part of each service's own schema. */
export const commonSettings = {
  SLIPWAY_HOME: Type.String({ default: '.slipway', description: 'Where this installation keeps its files.' }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'From which level on the services write log lines.'
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'PostgreSQL; without it the store is a SQLite file under SLIPWAY_HOME.'
    })
  ),
  REDIS_URL: Type.String({
    default: 'redis://127.0.0.1:6379',
    pattern: '^rediss?://',
    description: 'Queues and signals. `slipway up` starts a Redis of its own where it is not set.'
  }),
  QUEUE_PREFIX: Type.String({
    default: 'slipway',
    pattern: '^[A-Za-z0-9_-]+$',
    description: 'Separates installations that share a Redis.'
  })
}

/** The paths below SLIPWAY_HOME that more than one service uses. */
export function homePaths(home: string) {
  const root = resolve(home)
  return {
    root,
    store: join(root, 'store.sqlite'),
    mirrors: join(root, 'mirrors'),
    checkouts: join(root, 'checkouts'),
    templates: join(root, 'templates'),
    /** Folders that were sent to be deployed: `api` takes them, `builder` builds them. */
    uploads: join(root, 'uploads'),
    /** What secrets are encrypted with at rest, unless it is given as a setting. */
    encryptionKeys: join(root, 'encryption.keys'),
    /** What people's tokens at their forges are encrypted with, unless it is given as a setting. Only `api` has it. */
    accountKeys: join(root, 'accounts.keys'),
    /** The same for secrets of webhooks, which only receiver and deployer open. */
    webhookKeys: join(root, 'webhook.keys'),
    /** The same for what people sign in with, which only `api` opens. */
    signInKeys: join(root, 'sign-in.keys'),
    /** Secrets as files for functions, where there is no directory in memory for them. */
    secretFiles: join(root, 'run', 'secrets'),
    /** `deployer`'s internal API. Short, for a socket's path may have 107 characters only. */
    socket: join(root, 'deployer.sock')
  }
}

export function storeConfig(settings: { DATABASE_URL?: string; SLIPWAY_HOME: string }): {
  url: string | null
  file: string
} {
  return { url: settings.DATABASE_URL ?? null, file: homePaths(settings.SLIPWAY_HOME).store }
}

export function queueConfig(settings: { REDIS_URL: string; QUEUE_PREFIX: string }): {
  redisUrl: string
  prefix: string
} {
  return { redisUrl: settings.REDIS_URL, prefix: settings.QUEUE_PREFIX }
}

/** Where `deployer` is asked. Part of the schema of who asks it. */
export const internalSettings = {
  DEPLOYER_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'Where the deployer is asked; unset: on its socket in SLIPWAY_HOME, where both are on one machine.'
    })
  ),
  DEPLOYER_CA: Type.Optional(
    Type.String({
      pattern: '^-----BEGIN CERTIFICATE-----',
      expected: 'a certificate as PEM',
      description: "Who signed the deployer's certificate; unset: whom the machine trusts."
    })
  )
}

export function internalAddress(settings: {
  DEPLOYER_URL?: string
  DEPLOYER_CA?: string
  SLIPWAY_HOME: string
}): { socketPath: string } | { url: string; ca: string | null } {
  const { DEPLOYER_URL: url, DEPLOYER_CA: ca = null, SLIPWAY_HOME: home } = settings
  return url === undefined ? { socketPath: homePaths(home).socket } : { url, ca }
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** What listens there is reached by nobody but this machine. */
export function isLoopback(host: string): boolean {
  return loopback.has(host)
}

/** Where images go and come from. Part of the schema of who builds and of who runs them. */
export const registrySettings = {
  REGISTRY: Type.String({
    default: '127.0.0.1:5000',
    minLength: 1,
    description:
      'Where images go and come from: `host[:port][/prefix]`. `slipway up` starts one of its own where it is not set.'
  }),
  REGISTRY_USERNAME: Type.Optional(Type.String({ description: 'Of an account that may push and pull there.' })),
  REGISTRY_PASSWORD: Type.Optional(Type.String({ description: 'Its password or token.' })),
  PULL_TIMEOUT_MS: Type.Integer({
    default: 600_000,
    minimum: 1000,
    description: 'For one image, from the registry into an engine.'
  })
}

/** Credentials by the registry's host as it stands in names of images. */
export function registryAuth(settings: {
  REGISTRY: string
  REGISTRY_USERNAME?: string
  REGISTRY_PASSWORD?: string
}): Record<string, { username: string; password: string }> {
  const { REGISTRY, REGISTRY_USERNAME: username, REGISTRY_PASSWORD: password } = settings
  if (username === undefined || password === undefined) return {}
  const [host = REGISTRY] = REGISTRY.split('/')
  return { [host]: { username, password } }
}

/** The items of a setting that holds several, separated by commas. */
export function listed(setting: string): string[] {
  return setting
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** Where strangers' programs may reach. Part of the schema of who runs functions, and of who builds them apart. */
export const isolationSettings = {
  NETWORK_POOL: Type.String({ default: '10.201.0.0/16', description: 'Networks on docker are cut from this pool.' }),
  DNS_RESOLVERS: Type.String({
    default: '',
    description: 'DNS servers, separated by commas; empty: those of the host.'
  }),
  FIREWALL: Type.Enum(['on', 'off'], {
    default: 'on',
    description:
      'Keeps functions and builds from private addresses, and from this machine but for the gateway. Needs root; `slipway doctor` says whether it holds.'
  })
}

/** Private DNS servers are only reachable from inside when they are named: by default those of the host. */
export function resolversOf({ DNS_RESOLVERS }: { DNS_RESOLVERS: string }): string[] {
  const named = listed(DNS_RESOLVERS)
  return named.length > 0 ? named : getServers().filter((server) => isIPv4(server) && !server.startsWith('127.'))
}

/** What secrets of webhooks are encrypted with, for who opens them; unset: a file in SLIPWAY_HOME. */
export const webhookKeySettings = {
  WEBHOOK_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'What secrets of webhooks are encrypted with; unset: a file in SLIPWAY_HOME. `<id>:<base64 of 32 bytes>`, separated by commas, the newest first.'
    })
  )
}

/** What the client secrets of connected Apps are encrypted with. Part of the schema of who writes or opens them. */
export const signInKeySettings = {
  SIGN_IN_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'What is kept for sign-in is encrypted with; `api` opens it. Default: a file.'
    })
  )
}

/** Who stands before a service. Part of the schema of who looks at callers' addresses. */
export const proxySettings = {
  TRUSTED_PROXIES: Type.String({
    default: '',
    description: 'Addresses and networks (`10.0.0.0/8, ::1`) whose `X-Forwarded-*` are believed.'
  })
}

/** Of those that work on builds: how long their work is theirs. */
export const stageSettings = {
  LEASE_MS: Type.Integer({
    default: 15_000,
    minimum: 1000,
    description: 'For so long a process that died is waited for before another one takes its work.'
  }),
  STOP_GRACE_MS: Type.Integer({
    default: 20_000,
    minimum: 0,
    description: 'How long work may go on after a stop was asked for, before it is given back.'
  })
}

/** What is kept, and for how long. Part of the schema of who cleans up. */
export const keepSettings = {
  KEEP_ROLLBACKS: Type.Integer({
    default: 5,
    minimum: 0,
    description: 'Former versions of each function that a rollback can go back to at once: their images are kept.'
  }),
  CLEAN_UP_PERIOD_MINUTES: Type.Number({
    default: 60,
    exclusiveMinimum: 0,
    description: 'How often it is looked for what may go.'
  })
}

/** Of whoever takes away what others may need: a clean-up and a backup never run at the same time. */
export const cleanUpLease = 'clean-up'
