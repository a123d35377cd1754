import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parse } from 'yaml'

interface Service {
  command?: string[]
  user?: string
  environment?: Record<string, string>
  secrets?: string[]
  volumes?: string[]
  network_mode?: string
  ports?: string[]
  read_only?: boolean
  cap_drop?: string[]
  depends_on?: Record<string, unknown>
  mem_limit?: string
}
interface Compose {
  services: Record<string, Service>
  secrets: Record<string, { file: string }>
  volumes: Record<string, null>
}

const textOf = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
const compose = parse(await textOf('infra/compose.yaml'), { merge: true }) as Compose
const own = Object.entries(compose.services).filter(([, { command }]) => command?.[0]?.startsWith('services/'))

test('every setting of the compose file is one, and every secret is made by the script beside it', async () => {
  const reference = await textOf('docs/settings.md')
  const script = await textOf('infra/compose-secrets.sh')
  assert.deepEqual(
    own.map(([name]) => name),
    ['deployer', 'builder', 'api', 'receiver', 'gateway']
  )
  for (const [name, { environment = {}, secrets = [] }] of own) {
    for (const [setting, value] of Object.entries(environment)) {
      assert.ok(reference.includes(`| \`${setting.replace(/_FILE$/, '')}\` |`), `${name}: ${setting}`)
      if (setting.endsWith('_FILE'))
        assert.ok(secrets.includes(value.replace('/run/secrets/', '')), `${name}: ${setting}`)
    }
  }
  for (const [name, { file }] of Object.entries(compose.secrets)) {
    assert.equal(file, `secrets/${name}`)
    // The four keyrings are made in a loop over the beginnings of their names.
    assert.ok(script.includes(`make ${name} `) || script.includes(` ${name.replace(/-keys$/, '')}`), name)
  }
})

test('only who needs it has the socket of the engine, and nothing listens beyond this machine', () => {
  const holders = own.filter(([, { volumes = [] }]) =>
    volumes.some((volume) => volume.startsWith('/var/run/docker.sock'))
  )
  assert.deepEqual(
    holders.map(([name]) => name),
    ['deployer', 'builder']
  )
  for (const [name, service] of own) {
    assert.equal(service.user ?? '10001', name === 'deployer' ? '0:0' : '10001')
    assert.deepEqual([service.read_only, service.cap_drop, service.network_mode], [true, ['ALL'], 'host'])
    // The services listen on loopback unless they are told otherwise.
    assert.ok(!Object.keys(service.environment ?? {}).some((setting) => setting.endsWith('_HOST')))
  }
  for (const { ports = [], mem_limit: limit } of Object.values(compose.services)) {
    assert.ok(ports.every((port) => port.startsWith('127.0.0.1:')))
    assert.ok(limit !== undefined)
  }
})
