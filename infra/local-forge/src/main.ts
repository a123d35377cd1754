import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger, loadConfig, run } from '@slipway/service'
import Type from 'typebox'
import { createLocalForge, type LocalForge } from './local-forge.ts'

const Config = Type.Object({
  KIND: Type.Enum(['github', 'gitlab'], { default: 'github' }),
  ROOT: Type.String(),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65_535 }),
  LOG_LEVEL: Type.String({ default: 'info' }),
  WEBHOOK_URL: Type.Optional(Type.String({ pattern: '^https?://' })),
  WEBHOOK_SECRET: Type.Optional(Type.String()),
  WEBHOOK_SIGNING_TOKEN: Type.Optional(Type.String({ pattern: '^whsec_' })),
  WEBHOOK_TOKEN: Type.Optional(Type.String())
})

const logger = createLogger('local-forge')

await run(async () => {
  const config = loadConfig(Config, process.env)
  logger.level = config.LOG_LEVEL
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_SIGNING_TOKEN: signingToken, WEBHOOK_TOKEN: token } = config
  const forge: LocalForge = await createLocalForge({
    kind: config.KIND === 'github' ? 'github' : 'gitlab',
    root: config.ROOT,
    host: config.HOST,
    port: config.PORT,
    logger,
    ...(process.env.PATH === undefined ? {} : { path: process.env.PATH }),
    ...(url === undefined ? {} : { webhook: { url, ...defined({ secret, signingToken, token }) } })
  })
  const file = join(config.ROOT, 'credentials.json')
  await writeFile(file, `${JSON.stringify(credentialsOf(forge), null, 2)}\n`, { mode: 0o600 })
  logger.info({ url: forge.url, credentials: file }, 'the local forge is up: for trying and for tests only')
  return { url: forge.url, close: () => forge.close() }
}, logger)

/** What another process needs to use the forge. In a file for its owner alone, never in the log. */
function credentialsOf(forge: LocalForge) {
  const { url, apiUrl, developer } = forge
  const own = forge.kind === 'github' ? { app: forge.app } : { accessToken: forge.accessToken }
  return { kind: forge.kind, url, apiUrl, developer, ...own }
}

function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
