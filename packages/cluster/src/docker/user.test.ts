import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileOfArchive, userByName, userOf } from './user.ts'

test('root in any spelling becomes somebody else, a number stays, a name is to be looked up', () => {
  for (const root of ['', 'root', 'root:root', '0', '00', '0:0', '0:1000', ':0'])
    assert.equal(userOf(root), '10001:10001', root)
  assert.equal(userOf('1000'), '1000')
  assert.equal(userOf('1000:0'), '1000:0')
  for (const name of ['app', 'app:app', '+0', '-0', '0x0', '1e0']) assert.equal(userOf(name), null, name)
})

test('a name is who the image says, unless that is root or nobody', () => {
  const passwd = 'root:x:0:0::/:\napp:x:1000:1001::/:\nsneaky:x:0:0::/:\nodd:x:0x0:0::/:\nshort\n'
  assert.equal(userByName('app', passwd), '1000:1001')
  assert.equal(userByName('app:50', passwd), '1000:50')
  for (const name of ['sneaky', 'sneaky:1000', 'odd', 'short', 'missing', '+0', '']) {
    assert.equal(userByName(name, passwd), '10001:10001', name)
  }
})

test('a plain file is read out of an archive, and nothing out of anything else', async () => {
  const archive = (type: string, text: string) => {
    const header = Buffer.alloc(512)
    header.write(text.length.toString(8).padStart(11, '0'), 124)
    header.write(type, 156)
    return Buffer.concat([header, Buffer.from(text), Buffer.alloc(512)])
  }
  const read = (bytes: Buffer) => fileOfArchive(chunksOf(bytes), 10_000)
  assert.equal(await read(archive('0', 'app:x:1:1')), 'app:x:1:1')
  assert.equal(await read(archive('2', 'app:x:1:1')), '')
  assert.equal(await read(Buffer.alloc(0)), '')
})

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  await Promise.resolve()
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100)
}
