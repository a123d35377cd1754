import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { SealedDocument } from '@slipway/client'
import type { Build, Repository } from '@slipway/domain'
import { createRedactor } from '@slipway/secrets'
import { plant } from './context/checkout.fixture.ts'
import { entry, parse } from './stack/stack.fixture.ts'
import { createSecretsForBuild, createSettleSecrets, type HeldClaim } from './stack-secrets.ts'

const signal = new AbortController().signal
const claim: HeldClaim = {
  build: { id: 'build-1' } as Build & { generation: number; ownerId: string },
  repository: {} as Repository,
  ownerSlug: 'acme',
  buildIsolation: null,
  observation: null,
  holder: 'me'
}

async function settle(
  t: TestContext,
  stackText: string,
  keys: Record<string, string[]>,
  files: Record<string, string> = {}
) {
  const asked: string[][] = []
  const sealed: SealedDocument[] = []
  const redactor = createRedactor()
  const settleSecrets = createSettleSecrets({
    sealForBuild: (_id, _holder, documents) => Promise.resolve(void sealed.push(...documents)),
    secretsOfBuild(_id, _holder, names) {
      asked.push(names)
      return Promise.resolve(
        names.flatMap((name) => (keys[name] === undefined ? [] : [{ name, versionId: `${name}-v1`, keys: keys[name] }]))
      )
    },
    redactions: () => Promise.resolve([Buffer.from('hunter2hunter2').toString('base64')]),
    secretValues: () => Promise.reject(new Error('not asked for'))
  })
  const stack = parse(stackText)
  const secrets = await settleSecrets(claim, { checkout: plant(t, files), stack }, redactor, signal)
  return { secrets, asked, sealed, redactor }
}

test("a stack's secrets are asked for once, and what the owner has is not shown", async (t) => {
  const text = entry('secrets: [db, acme-mail]', 'build_secrets:', '  npmrc: db')
  const { secrets, asked, redactor } = await settle(t, text, { db: ['db'], mail: ['user', 'password'] })
  assert.deepEqual(asked, [['db', 'mail']])
  const { versionId, mountId } = secrets.of('mail', 'npmrc')
  assert.equal(versionId, 'mail-v1')
  assert.notEqual(mountId, secrets.of('mail', 'netrc').mountId)
  assert.equal(
    redactor.redact(`--mount=type=secret,id=${mountId},target=/x`),
    '--mount=type=secret,id=[redacted],target=/x'
  )
  assert.equal(redactor.redact('it is hunter2hunter2'), 'it is [redacted]')
})

test('a secret that is not there fails the build at its line, with the command that sets it', async (t) => {
  await assert.rejects(settle(t, entry('secrets:', '  - db', '  - nothing'), { db: ['db'] }), {
    code: 'invalid-stack',
    message:
      'stack.yml:7:9: functions.hello.secrets: acme has no secret "nothing": set it with "slipway secrets set nothing --owner acme", or seal it in secrets.yml',
    location: { path: 'stack.yml', line: 7, column: 9 }
  })
  await assert.rejects(settle(t, entry('build_secrets:', '  npmrc: nothing'), {}), {
    code: 'invalid-stack',
    message: /^stack\.yml:6:14: functions\.hello\.build_secrets\.npmrc: acme has no secret "nothing"/
  })
})

test("hostile: secret alexellis-x listed by owner alex is looked for among alex's own, by its whole name", async (t) => {
  const { asked } = await settle(t, entry('secrets: [acmecorp-x]'), { 'acmecorp-x': ['x'] })
  assert.deepEqual(asked, [['acmecorp-x']])
  await assert.rejects(settle(t, entry('secrets: [acmecorp-x]'), { x: ['x'], 'corp-x': ['x'] }), {
    code: 'invalid-stack',
    message: /acme has no secret "acmecorp-x"/
  })
})

test('two sets with one key would be one file, and are refused', async (t) => {
  await assert.rejects(settle(t, entry('secrets: [a, b]'), { a: ['password'], b: ['password', 'user'] }), {
    code: 'invalid-stack',
    message: /^stack\.yml:5:18: .*"a" and "b" both have the key "password"/
  })
})

test('of a set with several keys a build gets the one that its secret is called by', async (t) => {
  const keys = { db: ['user', 'password'] }
  await settle(t, entry('build_secrets:', '  password: db'), keys)
  await assert.rejects(settle(t, entry('build_secrets:', '  npmrc: db'), keys), {
    message: /several keys \(user, password\) and none is "npmrc"/
  })
})

test('what is sealed beside the stack is handed over before anything is looked for', async (t) => {
  const yaml =
    'apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: { name: db, namespace: acme }\nspec: { encryptedData: { a: AgAA } }\n'
  const { sealed } = await settle(t, entry('secrets: [db]'), { db: ['a'] }, { 'secrets.yml': yaml })
  assert.deepEqual(
    sealed.map(({ namespace, name, values }) => [namespace, name, values[0]?.sealed]),
    [['acme', 'db', 'AgAA']]
  )
})

test('a build reads the versions that its image stands for, or begins again', async () => {
  const values = { a: Buffer.from('one').toString('base64') }
  const secretsForBuild = createSecretsForBuild({
    secretValues: () => Promise.resolve({ db: { versionId: 'v1', values } })
  })
  const wanted = { id: 'npmrc', mountId: 'm1', name: 'db', versionId: 'v1' }
  const got = await secretsForBuild(claim, [wanted], signal)
  assert.deepEqual([...got], [['m1', Buffer.from('one')]])
  assert.equal((await secretsForBuild(claim, [], signal)).size, 0)
  await assert.rejects(secretsForBuild(claim, [{ ...wanted, versionId: 'v0' }], signal), { code: 'unavailable' })
})
