import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountIdOf, scopeSecretMounts } from './secret-mounts.ts'

const served = mountIdOf('version-1')
const scope = (line: string) => scopeSecretMounts(line, new Map([['npmrc', served]]))

test('a mount of a secret that the function has gets the id that is served, and stays where it was', () => {
  const where = `id=${served},target=/run/secrets/npmrc`
  assert.equal(scope('RUN --mount=type=secret,id=npmrc npm ci'), `RUN --mount=type=secret,${where} npm ci`)
  assert.equal(
    scope('RUN --mount=type=secret,id=npmrc,target=/root/.npmrc,required,uid=5 --mount=type=cache,target=/x npm ci'),
    `RUN --mount=type=secret,required,uid=5,id=${served},target=/root/.npmrc --mount=type=cache,target=/x npm ci`
  )
  assert.equal(
    scope('RUN --mount=target=/a/npmrc,type=secret x'),
    `RUN --mount=type=secret,id=${served},target=/a/npmrc x`
  )
  assert.equal(scope('RUN --mount=Type=Secret,SRC=npmrc,id=other x'), `RUN --mount=type=Secret,${where} x`)
})

test('other mounts, and secrets that the function does not have, stay as they are', () => {
  for (const line of [
    'RUN --mount=type=secret,id=other cat /run/secrets/other',
    'RUN --mount=type=cache,id=npmrc,target="/a b" x',
    'RUN --mount=type=bind,source=npmrc,target=/y x',
    'RUN echo no mount at all'
  ]) {
    assert.equal(scope(line), line)
  }
})

test('hostile: a mount that is written to be misread, or that names what another owner is served, is refused', () => {
  for (const line of [
    'RUN --mount=type=secret,id=$ID x',
    'RUN --mount=type=secret,"id=npmrc" x',
    'RUN --mount=type=secret,\\\nid=npmrc x',
    `RUN --mount=type=secret,id=${served} x`,
    `RUN --mount=type=\${T},id=${served} x`
  ]) {
    assert.throws(() => scope(line), { code: 'unsupported', message: /write it on one line/ }, line)
  }
})

test('each version has an id of its own', () => {
  assert.notEqual(mountIdOf('version-2'), served)
  assert.match(served, /^slipway-secret-[0-9a-f]{40}$/)
})
