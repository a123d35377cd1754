import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { tar } from './tar.mjs'

const long = `${'directory-with-a-long-name/'.repeat(8)}${'ö'.repeat(60)}`

test('what is packed comes out of the tar program as it went in', async (t) => {
  const root = directory(t)
  writeFileSync(join(root, 'source'), 'x'.repeat(1000))
  const archive = await packed([
    { path: '/etc', mode: 0o755 },
    { path: '/etc/hello', mode: 0o644, text: 'grüezi' },
    { path: '/bin/program', mode: 0o755, source: join(root, 'source'), size: 1000 },
    { path: '/home/app', mode: 0o700, uid: 10001, gid: 10001 },
    { path: '/link', link: 'etc/hello', mode: 0o777 },
    { path: `/${long}`, mode: 0o600, text: 'deep' },
    { path: '/long-link', link: long, mode: 0o777 }
  ])
  const out = join(root, 'out')
  execFileSync('mkdir', [out])
  execFileSync('tar', ['-x', '-C', out, '--no-same-owner', '-p'], { input: archive })
  assert.equal(readFileSync(join(out, 'etc/hello'), 'utf8'), 'grüezi')
  assert.equal(readFileSync(join(out, 'bin/program'), 'utf8'), 'x'.repeat(1000))
  assert.equal(statSync(join(out, 'bin/program')).mode & 0o777, 0o755)
  assert.equal(readlinkSync(join(out, 'link')), 'etc/hello')
  assert.equal(readFileSync(join(out, long), 'utf8'), 'deep')
  assert.equal(readlinkSync(join(out, 'long-link')), long)
  const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input: archive, encoding: 'utf8' })
  assert.match(listing, /drwx------ 10001\/10001 .* home\/app\//)
})

test('the same entries give the same bytes', async () => {
  const entries = [{ path: '/a', mode: 0o644, text: 'b' }]
  assert.deepEqual(await packed(entries), await packed(entries))
})

test('a file that is shorter than announced is an error, not a broken archive', async (t) => {
  const source = join(directory(t), 'source')
  writeFileSync(source, 'short')
  await assert.rejects(packed([{ path: '/a', mode: 0o644, source, size: 10 }]), /changed while it was read/)
})

async function packed(entries) {
  const chunks = []
  for await (const chunk of tar(entries)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function directory(t) {
  const root = mkdtempSync(join(tmpdir(), 'slipway-tar-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  return root
}
