import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureCompose } from './compose.mjs'
import { createMachine } from './machine.fixture.mjs'

const composeOf = (version) => `#!/bin/sh\necho ${version}\n`

/** Makes what apt-get and dpkg-deb would, and writes down that it was asked. */
const tools = {
  'apt-get': `#!/bin/sh
case "$*" in
*indextargets*) echo "Debian bookworm main http://mirror.test/debian/";;
*download*) echo "$*" >> "$(dirname "$0")/downloads"; touch docker-compose.deb;;
esac
`,
  'dpkg-deb': `#!/bin/sh
mkdir -p "$3/usr/libexec/docker/cli-plugins"
printf '#!/bin/sh\\necho 2.26.1\\n' > "$3/usr/libexec/docker/cli-plugins/docker-compose"
chmod +x "$3/usr/libexec/docker/cli-plugins/docker-compose"
`
}

function createContext(t, programs) {
  const context = createMachine(t, { programs })
  context.machine.env.XDG_CACHE_HOME = join(context.root, 'cache')
  return context
}

test("the machine's own Compose is taken, as a plugin first", async (t) => {
  const context = createContext(t, { 'docker-compose': composeOf('v2.40.0') })
  assert.deepEqual(await ensureCompose(context, []), { SLIPWAY_TEST_COMPOSE: join(context.bin, 'docker-compose') })
})

test('one of the first generation is left alone, and a newer one unpacked once', async (t) => {
  const context = createContext(t, { ...tools, 'docker-compose': composeOf('1.29.2') })
  const { SLIPWAY_TEST_COMPOSE: program } = await ensureCompose(context, [])
  assert.ok(program.startsWith(join(context.root, 'cache', 'slipway')))
  assert.equal(execFileSync(program, { encoding: 'utf8' }), '2.26.1\n')
  assert.deepEqual(await ensureCompose(context, []), { SLIPWAY_TEST_COMPOSE: program })
  assert.equal(readFileSync(join(context.bin, 'downloads'), 'utf8').trim().split('\n').length, 1)
})

test('where there is none and none can be had, it says what to install', async (t) => {
  const context = createContext(t, { 'apt-get': '#!/bin/sh\n' })
  await assert.rejects(ensureCompose(context, []), /no archive of Debian's .*install the Compose plugin/)
  await assert.rejects(ensureCompose(createContext(t, {}), []), /install the Compose plugin/)
})
