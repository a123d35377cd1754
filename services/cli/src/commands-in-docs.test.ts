import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from './program.ts'

const root = new URL('../../../', import.meta.url)

/** What is written as code: blocks of several lines, and words within a line. */
function codeOf(page: string): string[] {
  const blocks = [...page.matchAll(/^```.*\n([^]*?)^```$/gm)].map(([, block = '']) => block)
  const words = [...page.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word)
  return [...blocks.flatMap((block) => block.split('\n')), ...words]
}

/** Where a command begins: alone, behind `npm run`, settings or `sudo`, or another command. Elsewhere the name is a word of another program's. */
const beginning = /(?:^|[|;&(])\s*(?:\$ )?(?:npm run |sudo |\w+=\S+ )*slipway (?:--(?= |$))?([^|;&>#)]*)/g

/** The words behind each `slipway` that begins a command, up to what ends it in a shell. */
function callsOf(line: string): string[][] {
  return [...line.matchAll(beginning)]
    .map(([, words = '']) => words.split(/\s+/).filter((word) => word !== ''))
    .filter((words) => words.length > 0)
}

/** null: there is such a command, and it has each of the options. */
function faultOf(program: Command, words: string[]): string | null {
  let command = program
  for (const word of words) {
    const below = command.commands.find((one) => one.name() === word)
    if (below === undefined) break
    command = below
  }
  if (command === program && !words[0]?.startsWith('-')) return `there is no command ${words[0]}`
  const known = ['--help', ...command.options.flatMap(({ long }) => long ?? [])]
  const unknown = words
    .filter((word) => word.startsWith('--'))
    .find((word) => !known.includes(word.split('=')[0] ?? ''))
  return unknown === undefined ? null : `${command.name()} has no option ${unknown}`
}

test('every command that a page names is there with the options that it names, also where it cannot be run', async () => {
  const settings = { SLIPWAY_HOME: '/nowhere', LOGINS_FILE: '/nowhere/logins.json' }
  const context = { settings, print() {}, directory: '/nowhere', env: {} }
  const exit = (code: number): never => {
    throw new Error(`it ended with ${code}`)
  }
  const program = createProgram(context, { hasScreen: false, exit })
  const names = (await readdir(new URL('docs', root))).filter((name) => name.endsWith('.md'))
  const faults: string[] = []
  let found = 0
  for (const page of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...names.map((name) => `docs/${name}`)]) {
    const calls = codeOf(await readFile(new URL(page, root), 'utf8')).flatMap(callsOf)
    found += calls.length
    for (const words of calls) {
      const fault = faultOf(program, words)
      if (fault !== null) faults.push(`${page}: slipway ${words.join(' ')}: ${fault}`)
    }
  }
  assert.deepEqual(faults, [])
  assert.ok(found > 60, `only ${found} were found`)
  assert.equal(faultOf(program, ['deploy', '--ownr', 'x']), 'deploy has no option --ownr')
  assert.equal(faultOf(program, ['depoly']), 'there is no command depoly')
})
