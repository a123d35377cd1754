import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createCommandLineForTest } from './commands.fixture.ts'
import { createProgram } from './program.ts'

function createProgramForTest(): Command {
  const settings = { SLIPWAY_HOME: '/nowhere', LOGINS_FILE: '/nowhere/logins.json' }
  const context = { settings, print() {}, directory: '/nowhere', env: {} }
  const exit = (code: number): never => {
    throw new Error(`it ended with ${code}`)
  }
  return createProgram(context, { hasScreen: false, exit })
}

/** Every command that does something, by the words that call it. */
function leavesOf(command: Command, above: string[] = []): { path: string; command: Command }[] {
  return command.commands.flatMap((one) => {
    const path = [...above, one.name()]
    // Of one with commands below it that does something itself, those are looked at as well.
    return [...(one.commands.length === 0 ? [{ path: path.join(' '), command: one }] : []), ...leavesOf(one, path)]
  })
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp()
  return text
}

const leaves = leavesOf(createProgramForTest())

test('the help of every command says what it does and has an example that begins like it', () => {
  assert.ok(leaves.length > 40, `only ${leaves.length} commands were found`)
  const without = leaves.filter(({ path, command }) => {
    const [about = '', examples = ''] = helpOf(command).split('\nExample:\n')
    return command.description() === '' || about === '' || !examples.includes(`slipway ${path}`)
  })
  assert.deepEqual(
    without.map(({ path }) => path),
    []
  )
})

test('the help of all shows each command in a group of its kind', () => {
  const help = helpOf(createProgramForTest())
  const groups = [...help.matchAll(/^(\S.*):$/gm)].map(([, name]) => name)
  assert.deepEqual(groups, [
    'Options',
    'From a folder or a push to live',
    'Functions',
    'Who works with it',
    'The installation',
    'Commands'
  ])
  assert.match(help, /^From a folder[^]*^ {2}init [^]*^ {2}deploy [^]*^Functions:[^]*^ {2}rollback /m)
})

test('a name that is no command is told with the one that was meant, not below the help of all', async (t) => {
  const { slipway } = await createCommandLineForTest(t)
  const { code, stderr } = await slipway('depoly')
  assert.equal(code, 2)
  assert.equal(stderr, `error: unknown command 'depoly'\n(Did you mean deploy?)\n"slipway --help" lists all commands\n`)
  const wrong = await slipway('deploy', '--ownr', 'alice')
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /unknown option '--ownr'[^]*Did you mean --owner[^]*Usage: slipway deploy/)
})
