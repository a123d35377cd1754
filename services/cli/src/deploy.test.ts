import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCommandLineForTest } from './commands.fixture.ts'

test('deploy sends a folder under its own name, follows its build and ends with its code', async (t) => {
  const { slipway, store, workDirectory } = await createCommandLineForTest(t)
  await mkdir(join(workDirectory, 'my shop'))
  const none = await slipway('deploy', 'my shop')
  assert.deepEqual([none.code, /no stack\.yml in .*my shop.*"slipway init"/.test(none.stderr)], [2, true], none.stderr)
  await writeFile(join(workDirectory, 'my shop/stack.yml'), 'functions: {}\n')
  const nobody = await slipway('deploy', 'my shop')
  assert.deepEqual([nobody.code, /slipway admin owners add/.test(nobody.stderr)], [2, true], nobody.stderr)
  const added = await slipway('admin', 'owners', 'add', 'alice')
  assert.match(added.stdout, /alice is an owner: "slipway deploy <folder> --owner alice"/)
  assert.equal((await slipway('admin', 'owners', 'add', 'alice')).code, 1)

  const detached = await slipway('deploy', 'my shop', '--detach', '--message', 'first', '--json')
  assert.equal(detached.code, 0, detached.stderr)
  const { id, repository, message } = JSON.parse(detached.stdout) as Record<string, string>
  assert.deepEqual([repository, message], ['api/alice/my-shop', 'first'])
  assert.equal((await store.builds.get(id ?? ''))?.status, 'queued')

  const following = slipway('deploy', 'my shop', '--owner', 'alice', '--name', 'other')
  for (;;) {
    const [newest] = await store.builds.list(null, { status: 'queued' }, { before: null, limit: 1 })
    if (newest !== undefined && newest.id !== id) {
      await store.builds.finish(newest.id, null, { status: 'failed', reason: 'stack.yml:1:1: nothing' }, Date.now())
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const ended = await following
  assert.equal(ended.code, 1)
  assert.match(ended.stdout, /^sent 1 files of 1 KiB as alice\/other\nbuild /)
  assert.match(ended.stderr, /is failed: stack\.yml:1:1: nothing/)
  const stranger = await slipway('deploy', 'my shop', '--owner', 'bob')
  assert.equal(stranger.code, 4)
  assert.match(stranger.stderr, /no owner "bob": .*"slipway admin owners add bob"/)
})
