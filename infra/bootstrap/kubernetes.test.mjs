import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureKubernetes } from './kubernetes.mjs'
import { createMachine } from './machine.fixture.mjs'

function withSources(context) {
  const source = join(context.root, 'test', 'kubernetes', 'programs')
  mkdirSync(join(source, 'pause'), { recursive: true })
  for (const file of ['go.mod', 'go.sum', 'pause/main.go'])
    writeFileSync(join(source, file), 'k8s.io/kubernetes v1.36.3')
  context.machine.env.XDG_CACHE_HOME = join(context.root, 'cache')
  return context
}

/** Makes what apt-get, dpkg-deb and go would, and writes down that it was asked. */
const tools = {
  go: '#!/bin/sh\necho go >> "$(dirname "$0")/calls"\n',
  'apt-get': `#!/bin/sh
case "$*" in
*indextargets*) echo "Debian bookworm-security main http://mirror.test/security/"; echo "Debian bookworm main http://mirror.test/debian/";;
*update*) cp sources.list "$(dirname "$0")/sources";;
*download*) touch etcd.deb;;
esac
`,
  'dpkg-deb': '#!/bin/sh\nmkdir -p "$3/usr/bin" && touch "$3/usr/bin/etcd"\n'
}

test('a cluster that is configured is taken', async (t) => {
  const context = withSources(createMachine(t, { env: { KUBECONFIG: '/home/me/.kube/config' } }))
  assert.deepEqual(await ensureKubernetes(context), {})
})

test('without a cluster and without root it says what is missing', async (t) => {
  const context = withSources(createMachine(t, { programs: { go: tools.go } }))
  await assert.rejects(ensureKubernetes(context), /needs root: set KUBECONFIG/)
})

test('it is made once, and found the next time', async (t) => {
  const context = withSources(createMachine(t, { isRoot: true, programs: tools }))
  const first = await ensureKubernetes(context)
  assert.deepEqual(await ensureKubernetes(context), first)
  assert.equal(readFileSync(join(context.bin, 'calls'), 'utf8'), 'go\n')
  assert.match(readFileSync(join(context.bin, 'sources'), 'utf8'), /\] http:\/\/mirror\.test\/debian\/ trixie main\n$/)
  assert.ok(first.SLIPWAY_TEST_KUBERNETES.startsWith(join(context.root, 'cache', 'slipway')))
})

test('without an archive of Debian it says so, and makes nothing', async (t) => {
  const context = withSources(createMachine(t, { isRoot: true, programs: { ...tools, 'apt-get': '#!/bin/sh\n' } }))
  await assert.rejects(ensureKubernetes(context), /no archive of Debian's .*set KUBECONFIG/)
})

test('a compilation that fails leaves nothing that looks made', async (t) => {
  const context = withSources(
    createMachine(t, { isRoot: true, programs: { ...tools, go: '#!/bin/sh\necho no space; exit 1\n' } })
  )
  await assert.rejects(ensureKubernetes(context), /go build failed:\nno space/)
  context.install('go', tools.go)
  assert.ok((await ensureKubernetes(context)).SLIPWAY_TEST_KUBERNETES)
})
