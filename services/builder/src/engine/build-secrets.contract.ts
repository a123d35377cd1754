import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountIdOf, scopeSecretMounts } from '../context/secret-mounts.ts'
import { aBuild, makeBase, startEngine } from './engine.fixture.ts'

const signal = AbortSignal.timeout(120_000)

test('a build reads its secrets as files while a command runs, and the image does not have them', async (t) => {
  const { engine, docker } = await startEngine(t)
  const base = await makeBase(t, docker)
  assert.equal(await engine.hasSecrets('shared', signal), true)
  const dockerfile = [
    `FROM ${base}`,
    'RUN --mount=type=secret,id=npmrc,uid=10001 echo "read: $(cat /run/secrets/npmrc)"',
    'RUN cat /run/secrets/npmrc || echo "gone afterwards"'
  ].join('\n')
  const secrets = new Map([
    ['npmrc', Buffer.from('//registry/:_authToken=hunter2')],
    ['empty', Buffer.alloc(0)]
  ])
  const { build, text } = aBuild({ Dockerfile: dockerfile }, { secrets })
  await engine.build(build, signal)
  assert.match(text(), /read: \/\/registry\/:_authToken=hunter2/)
  assert.match(text(), /gone afterwards/)
  const history = await docker.getImage(build.reference).history()
  assert.ok(!JSON.stringify(history).includes('hunter2'))
  assert.ok(!JSON.stringify(await docker.getImage(build.reference).inspect()).includes('hunter2'))
})

test("hostile: what was made with one owner's secret is not found in the cache by who wrote the same lines", async (t) => {
  const { engine, docker } = await startEngine(t)
  const base = await makeBase(t, docker)
  const dockerfile = `FROM ${base}\nRUN --mount=type=secret,id=npmrc cat /run/secrets/npmrc > /made; echo "made with $(cat /made)"\n`
  const buildWith = async (version: string, value: string) => {
    const mountId = mountIdOf(version)
    const Dockerfile = scopeSecretMounts(dockerfile, new Map([['npmrc', mountId]]))
    const { build, text } = aBuild({ Dockerfile }, { secrets: new Map([[mountId, Buffer.from(value)]]) })
    await engine.build(build, signal)
    return text()
  }
  assert.match(await buildWith('hers', 'her value'), /made with her value/)
  assert.match(await buildWith('hers', 'her value'), /made\)": cached/, 'the same version is')
  assert.match(await buildWith('his', 'his value'), /made with his value/)
  const { build, text } = aBuild({ Dockerfile: dockerfile })
  await engine.build(build, signal)
  assert.ok(!text().includes('her value') && text().includes('No such file'), text())
})

test('hostile: a secret that the stack does not name for this function is not given to its build', async (t) => {
  const { engine, docker } = await startEngine(t)
  const base = await makeBase(t, docker)
  const dockerfile = `FROM ${base}\nRUN --mount=type=secret,id=other,required=true cat /run/secrets/other\n`
  const { build } = aBuild({ Dockerfile: dockerfile }, { secrets: new Map([['npmrc', Buffer.from('hunter2')]]) })
  await assert.rejects(engine.build(build, signal), { code: 'build-failed' })
})

test('without BuildKit build secrets are refused in words', async (t) => {
  const { engine } = await startEngine(t, { mode: 'classic' })
  assert.equal(await engine.hasSecrets('shared', signal), false)
  const { build } = aBuild({ Dockerfile: 'FROM scratch\n' }, { secrets: new Map([['npmrc', Buffer.from('hunter2')]]) })
  await assert.rejects(engine.build(build, signal), { code: 'unsupported', message: /need BuildKit/ })
})
