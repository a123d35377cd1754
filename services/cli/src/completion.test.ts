import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCommandLineForTest } from './commands.fixture.ts'

test('a real bash completes commands, commands below them, and options', async (t) => {
  const { slipway, workDirectory } = await createCommandLineForTest(t)
  const script = join(workDirectory, 'completion.bash')
  const { stdout, code } = await slipway('completion', 'bash')
  assert.equal(code, 0)
  await writeFile(script, stdout)
  const complete = (...words: string[]) =>
    execFileSync('bash', [
      '--norc',
      '-c',
      `source ${script}; COMP_WORDS=(slipway "$@"); COMP_CWORD=$#; _slipway; echo "\${COMPREPLY[*]}"`,
      'bash',
      ...words
    ])
      .toString()
      .trim()
  assert.equal(complete('dep'), 'deploy')
  assert.equal(complete('ro'), 'rollback')
  assert.equal(complete('tokens', 'c'), 'create')
  assert.equal(complete('admin', 'owners', ''), 'add remove --json --help')
  assert.equal(complete('deploy', '--de'), '--detach')
  assert.equal(complete('deploy', '--owner', 'alice', '--na'), '--name')
  assert.equal(complete('nothing', 'wh'), 'why whoami')
})

test('each shell has a script, and another is refused', async (t) => {
  const { slipway } = await createCommandLineForTest(t)
  assert.match((await slipway('completion', 'zsh')).stdout, /bashcompinit\n_slipway_words/)
  const fish = (await slipway('completion', 'fish')).stdout
  assert.match(fish, /-n 'not __fish_seen_subcommand_from [^']*' -a deploy -d '/)
  assert.match(fish, /-n '__fish_seen_subcommand_from tokens; and __fish_seen_subcommand_from create' -l scope -d '/)
  assert.equal((await slipway('completion', 'tcsh')).code, 2)
})
