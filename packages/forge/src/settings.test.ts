import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import Type from 'typebox'
import Value from 'typebox/value'
import {
  createForgeApis,
  createWebhookSources,
  type ForgeApiSettings,
  forgeApiSettings,
  webhookSettings
} from './settings.ts'
import { failsWith } from './webhooks/deliveries.fixture.ts'

const webhookSchema = Type.Object(webhookSettings)
const apiSchema = Type.Object(forgeApiSettings)
const webhooks = (given: object) => Value.Parse(webhookSchema, Value.Default(webhookSchema, given))
const apis = (given: object) => Value.Parse(apiSchema, Value.Default(apiSchema, given))
const secret = 'nobody would try it'
const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' }
})

test('a forge without secrets and credentials is not there', () => {
  assert.deepEqual(createWebhookSources(webhooks({})), [])
  assert.deepEqual(createForgeApis(apis({})), [])
})

test('without addresses the forges are the public ones', () => {
  const sources = createWebhookSources(webhooks({ GITHUB_WEBHOOK_SECRET: secret, GITLAB_WEBHOOK_TOKEN: secret }))
  assert.deepEqual(
    sources.map(({ instance }) => instance),
    [
      { forgeId: 'github', kind: 'github', baseUrl: 'https://github.com', apiUrl: 'https://api.github.com' },
      { forgeId: 'gitlab', kind: 'gitlab', baseUrl: 'https://gitlab.com', apiUrl: 'https://gitlab.com/api/v4' }
    ]
  )
})

test('an own forge has its API below its address unless it is said to be elsewhere', () => {
  const settings = apis({
    GITHUB_URL: 'https://ghe.example.com/',
    GITHUB_APP_ID: 1,
    GITHUB_PRIVATE_KEY: privateKey.replaceAll('\n', String.raw`\n`),
    GITLAB_FORGE_ID: 'local',
    GITLAB_URL: 'http://127.0.0.1:3000/gitlab',
    GITLAB_TOKEN: 'x'
  })
  const urls = (given: ForgeApiSettings) =>
    createForgeApis(given).map(({ instance }) => [instance.forgeId, instance.apiUrl])
  assert.deepEqual(urls(settings), [
    ['github', 'https://ghe.example.com/api/v3'],
    ['local', 'http://127.0.0.1:3000/gitlab/api/v4']
  ])
  assert.deepEqual(
    urls({ ...settings, GITLAB_API_URL: 'http://127.0.0.1:4000/v4/' })[1]?.[1],
    'http://127.0.0.1:4000/v4'
  )
})

test('half of what GitHub needs is refused, and so is an unusable key or token', () => {
  assert.throws(() => createForgeApis(apis({ GITHUB_APP_ID: 1 })), failsWith('invalid-configuration', /set both/))
  const pem = '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----'
  const broken = apis({ GITHUB_APP_ID: 1, GITHUB_PRIVATE_KEY: pem })
  assert.throws(() => createForgeApis(broken), failsWith('invalid-configuration', /PEM/))
  const token = webhooks({ GITLAB_WEBHOOK_SIGNING_TOKEN: 'whsec_x' })
  assert.throws(() => createWebhookSources(token), failsWith('invalid-configuration'))
})

test('addresses of no http, short secrets and keys that are none are not valid', () => {
  const wrong = [{ GITHUB_URL: 'file:///etc' }, { GITLAB_URL: 'https://x/?a' }, { GITHUB_WEBHOOK_SECRET: 'short' }]
  for (const given of wrong) assert.throws(() => webhooks(given), JSON.stringify(given))
  assert.throws(() => apis({ GITHUB_PRIVATE_KEY: 'nonsense' }))
})

test('a secret that was left as in an example is refused, without its value', () => {
  const guessed = 'change-me-change-me'
  for (const given of [
    { GITHUB_WEBHOOK_SECRET: guessed },
    { GITHUB_WEBHOOK_SECRET: secret, GITHUB_WEBHOOK_SECRET_PREVIOUS: guessed },
    { GITLAB_WEBHOOK_TOKEN: guessed },
    { GITLAB_WEBHOOK_SIGNING_TOKEN: `whsec_${Buffer.alloc(32).toString('base64')}` }
  ]) {
    const name = Object.keys(given).at(-1) ?? ''
    assert.throws(
      () => createWebhookSources(webhooks(given)),
      (err) =>
        err instanceof Failure &&
        err.code === 'invalid-configuration' &&
        err.message.startsWith(`${name} is a secret that anybody would guess`) &&
        !err.message.includes(guessed)
    )
  }
})
