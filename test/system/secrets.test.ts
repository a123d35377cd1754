import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@slipway/machine'
import { sealValue } from '@slipway/secrets'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'

let scene: Scene

before(async () => {
  scene = await createScene()
})
after(() => scene.close())

/** Tells the length and a hash of a secret: proof that it was read, which does not show it. */
const proving = (key: string) =>
  [
    "const { readFileSync } = require('node:fs')",
    "const { createHash } = require('node:crypto')",
    'module.exports = async (event, context) => {',
    `  const value = readFileSync('/var/openfaas/secrets/${key}')`,
    "  console.log('I was given ' + value)",
    "  context.status(200).succeed(createHash('sha256').update(value).digest('hex'))",
    '}',
    ''
  ].join('\n')

async function proofOf(value: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(value))
  return Buffer.from(digest).toString('hex')
}

async function certificate(): Promise<string> {
  return (await fetch(`${scene.installation.endpoints.api}/dashboard/api/pub-cert.pem`)).text()
}

function sealedYaml(pem: string, namespace: string, name: string, values: Record<string, string>): string {
  const lines = Object.entries(values).map(
    ([key, value]) => `    ${key}: ${sealValue(pem, Buffer.from(value), { namespace, name }, Date.now())}`
  )
  return [
    '---',
    'apiVersion: bitnami.com/v1alpha1',
    'kind: SealedSecret',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
    '  encryptedData:',
    ...lines,
    ''
  ].join('\n')
}

/** The command line, as a user has it. */
function slipway(args: string[], input = ''): string {
  const cli = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))
  const env = { PATH: process.env.PATH, SLIPWAY_HOME: join(scene.directory, 'home') }
  return execFileSync(process.execPath, [cli, ...args], { input, env, encoding: 'utf8' })
}

const liveAs = (path: string, body: string) =>
  waitFor(async () => (await call(scene, path)).body === body, { timeoutMs: 30_000, what: `${path} to answer ${body}` })

test("a secret sealed in the repository is a file in the function, in OpenFaaS Cloud's namespace too", async () => {
  const pem = await certificate()
  const repository = await scene.repository({ owner: 'sealer' })
  const commit = await repository.push({
    'stack.yml': stackOf({
      own: { handler: './own', more: ['secrets: [mine]'] },
      cloud: { handler: './cloud', more: ['secrets: [sealer-theirs]'] }
    }),
    'secrets.yml':
      slipway(['secrets', 'seal', 'mine', '--owner', 'sealer', '--key', 'password'], 'sealed in my own\n') +
      sealedYaml(pem, 'openfaas-fn', 'sealer-theirs', { token: 'sealed as in OFC' }),
    'own/handler.js': proving('password'),
    'cloud/handler.js': proving('token')
  })
  // The first build fills a registry of its own where another run holds the shared one.
  const build = await repository.ended(commit, 150_000)
  assert.deepEqual([build.status, build.reason], ['live', null])
  assert.equal((await call(scene, '/function/sealer-own')).body, await proofOf('sealed in my own'))
  assert.equal((await call(scene, '/function/sealer-cloud')).body, await proofOf('sealed as in OFC'))

  const { items } = await scene.installation.api.listSecrets({ owner: 'sealer' })
  assert.deepEqual(
    items.map(({ name, origin, repository: from, keys }) => [name, origin, from, keys]),
    [
      ['mine', 'sealed', 'sealer/shop', ['password']],
      ['theirs', 'sealed', 'sealer/shop', ['token']]
    ]
  )

  const printed = () => Array.fromAsync(scene.installation.api.runtimeLog('sealer', 'own', { follow: false }))
  // What a function prints comes to its log a moment after its answer.
  await waitFor(async () => (await printed()).some(({ text }) => text === 'I was given [redacted]'), {
    timeoutMs: 15_000,
    what: 'the line, without the secret'
  })
  assert.ok((await printed()).every(({ text }) => !text.includes('sealed in my own')))

  // The store holds it encrypted, and nothing of it came into the service's own log.
  for (const file of (await readdir(join(scene.directory, 'home'))).filter((name) => /sqlite|\.log$/.test(name))) {
    const bytes = await readFile(join(scene.directory, 'home', file))
    assert.ok(!bytes.includes('sealed in my own'), file)
  }
})

test('another owner who copies a sealed secret gets nothing, and is told the line', async () => {
  const pem = await certificate()
  const stolen = sealedYaml(pem, 'victim', 'db', { password: 'of the victim' })
  const repository = await scene.repository({ owner: 'thief' })
  const files = { 'stack.yml': stackOf({ f: { more: ['secrets: [db]'] } }), 'f/handler.js': proving('password') }
  const asIs = await repository.push({ ...files, 'secrets.yml': stolen })
  const first = await repository.ended(asIs)
  assert.equal(first.status, 'failed')
  assert.match(first.reason ?? '', /^secrets\.yml:6:14: the namespace "victim" is not yours/)
  const renamed = await repository.push({ 'secrets.yml': stolen.replace('namespace: victim', 'namespace: thief') })
  const second = await repository.ended(renamed)
  assert.match(second.reason ?? '', /^secrets\.yml:9:5: the value "password" does not open/)
  const statuses = await repository.statuses(renamed)
  assert.equal(statuses['slipway/stack']?.state, 'failure')
  assert.match(statuses['slipway/stack']?.description ?? '', /secrets\.yml:9:5/)
})

test('a changed secret deploys its functions again without a build; a rollback brings the former value back', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'changer' })
  const without = await repository.push({ 'stack.yml': stackOf({ f: {} }), 'f/handler.js': saying('before') })
  assert.equal((await repository.ended(without)).status, 'live')
  const missing = await repository.push({
    'stack.yml': stackOf({ f: { more: ['secrets: [db]'] } }),
    'f/handler.js': proving('password')
  })
  const refused = await repository.ended(missing)
  assert.equal(refused.status, 'failed')
  assert.match(
    refused.reason ?? '',
    /^stack\.yml:8:15: functions\.f\.secrets: changer has no secret "db": set it with "slipway secrets set db/
  )
  assert.equal((await call(scene, '/function/changer-f')).body, 'before')

  const said = slipway(['secrets', 'set', 'changer-db', '--owner', 'changer', '--key', 'password'], 'the first value\n')
  assert.match(said, /^changer\/db \(password\) is set/)
  assert.match(slipway(['secrets', 'list', '--owner', 'changer']), /^db +password +set by API/m)
  const [failed] = (await api.listBuilds({ commit: missing, limit: 1 })).items
  const again = await api.rebuild({ id: failed?.id ?? '' })
  assert.equal((await scene.ended(again.id)).status, 'live')
  assert.equal((await call(scene, '/function/changer-f')).body, await proofOf('the first value'))

  const { redeploys } = await api.putSecret({
    owner: 'changer',
    name: 'changer-db',
    values: { password: 'the second value' }
  })
  assert.equal(redeploys.length, 1)
  await liveAs('/function/changer-f', await proofOf('the second value'))
  const redeploy = await waitFor(
    async () => {
      const build = await api.getBuild({ id: redeploys[0] ?? '' })
      return build.status === 'live' ? build : null
    },
    { timeoutMs: 60_000, what: 'the redeploy to end' }
  )
  assert.deepEqual([redeploy.commit, redeploy.functions.map(({ isReused }) => isReused)], [missing, [true]])
  assert.equal(
    (await api.putSecret({ owner: 'changer', name: 'db', values: { password: 'the second value' } })).isChanged,
    false
  )

  await waitFor(
    async () =>
      (await api.listDeployments({ owner: 'changer', name: 'f' })).items.filter(({ status }) => status === 'draining')
        .length === 0,
    { timeoutMs: 70_000, what: 'the former version to be gone' }
  )
  await api.rollback({ owner: 'changer', name: 'f' })
  await liveAs('/function/changer-f', await proofOf('the first value'))
  await assert.rejects(api.removeSecret({ owner: 'nobody', name: 'db' }), { code: 'not-found' })
})

test('a build gets the secrets that its stack names, and its log shows none of them', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'builder' })
  const value = 'token-for-the-registry-of-packages'
  await repository.ended(await repository.push({ 'stack.yml': stackOf({ f: {} }), 'f/handler.js': saying('x') }))
  await api.putSecret({ owner: 'builder', name: 'npmrc', values: { npmrc: value } })
  await api.putSecret({ owner: 'builder', name: 'other', values: { other: 'not named by the stack' } })
  const base = process.env.BASE_NODE ?? ''
  const dockerfile = (round: number) =>
    [
      'ARG BASE_IMAGE',
      `FROM ${base}`,
      `RUN --mount=type=secret,id=npmrc,uid=10001 echo "round ${round}: $(cat /run/secrets/npmrc)" && echo "as base64 $(base64 -w0 < /run/secrets/npmrc)" && wc -c < /run/secrets/npmrc > /length`,
      'COPY server.mjs /server.mjs',
      'USER 10001:10001',
      'CMD ["node", "/server.mjs"]',
      ''
    ].join('\n')
  const files = (round: number) => ({
    'stack.yml': stackOf({ f: { lang: 'dockerfile', more: ['build_secrets:', '  npmrc: npmrc'] } }),
    'f/Dockerfile': dockerfile(round),
    'f/server.mjs':
      "import { createServer } from 'node:http'\nimport { readFileSync } from 'node:fs'\ncreateServer((_q, r) => r.end(readFileSync('/length', 'utf8'))).listen(8080)\n"
  })
  const commit = await repository.push(files(1))
  const build = await repository.ended(commit)
  assert.deepEqual([build.status, build.reason], ['live', null])
  const logOf = async (id: string) => {
    const texts: string[] = []
    for await (const { text } of api.followLog(id, { follow: false })) texts.push(text)
    return texts.join('\n')
  }
  const log = await logOf(build.id)
  assert.match(log, /round 1: \[redacted\]/)
  assert.match(log, /as base64 \[redacted\]/)
  assert.ok(!log.includes(value) && !log.includes(Buffer.from(value).toString('base64')))
  const key = build.functions[0]?.contentKey
  await api.putSecret({ owner: 'builder', name: 'npmrc', values: { npmrc: `${value}-changed` } })
  const next = await repository.ended(await repository.push({ 'note.txt': 'nothing of the function' }))
  assert.notEqual(next.functions[0]?.contentKey, key, 'another version of the secret is another content')
  assert.match(await logOf(next.id), /round 1: \[redacted\]/, 'and no layer of the former one is used again')

  const failing = await repository.push({ 'f/Dockerfile': dockerfile(2).replace('&& wc', '&& false && wc') })
  const failed = await repository.ended(failing)
  assert.equal(failed.status, 'failed')
  const told = JSON.stringify([failed, await repository.statuses(failing), await logOf(failed.id)])
  assert.ok(!told.includes(value), told)
})

test('what a failing function printed of its secrets is redacted where it is told', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'teller' })
  await repository.ended(await repository.push({ 'stack.yml': stackOf({ f: {} }), 'f/handler.js': saying('x') }))
  await api.putSecret({ owner: 'teller', name: 'db', values: { password: 'correct horse battery staple' } })
  const commit = await repository.push({
    'stack.yml': stackOf({ f: { more: ['secrets: [db]'] } }),
    'f/handler.js':
      "const value = require('node:fs').readFileSync('/var/openfaas/secrets/password')\nconsole.log('cannot use ' + value)\nconsole.log(value.toString('base64'))\nprocess.exit(3)\n"
  })
  const build = await repository.ended(commit)
  assert.equal(build.status, 'failed')
  assert.match(build.reason ?? '', /did not become ready[^]*cannot use \[redacted\]/)
  const statuses = JSON.stringify(await repository.statuses(commit))
  assert.ok(
    !statuses.includes('correct horse') &&
      !statuses.includes(Buffer.from('correct horse').toString('base64').slice(0, -4))
  )
})

test('files of secrets are gone with the deployments that had them', async () => {
  const { api } = scene.installation
  const directory = join(scene.directory, 'secrets', `slipway-${scene.installation.endpoints.installation}`)
  assert.ok(existsSync(directory))
  await waitFor(
    async () => {
      const live = (await api.listFunctions({ limit: 200 })).items.flatMap(({ live: one }) =>
        one !== null && one.secrets.length > 0 ? [one.id] : []
      )
      return JSON.stringify((await readdir(directory)).toSorted()) === JSON.stringify(live.toSorted())
    },
    { timeoutMs: 30_000, what: 'only live deployments to have files' }
  )
})
