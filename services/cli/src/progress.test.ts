import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProgress } from './progress.ts'

const escape = '\u001b'
const chunks = [
  { step: 'checkout', functionName: null, text: 'unpacked' },
  { step: 'build', functionName: 'hello', text: 'one\ntwo' },
  { step: 'build', functionName: 'hello', text: `three ${escape}[2Jand a very long end of the line` }
] as const

/** What is written to a terminal, or to a file. */
function written(terminal: { isTTY?: boolean; columns?: number }, env: Record<string, string>): string {
  let text = ''
  const progress = createProgress({ ...terminal, write: (part) => (text += part) }, env)
  for (const chunk of chunks) progress.tell(chunk)
  progress.end()
  return text
}

/** What a terminal shows in the end of what was written: lines, and moves up with a line cleared. */
function screenOf(text: string): string[] {
  const lines: string[] = ['']
  let row = 0
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  for (const piece of text.split(/(\u001b\[\d+A|\r\u001b\[2K|\n)/)) {
    if (piece === '\n') row += 1
    else if (piece.endsWith('A') && piece.startsWith(escape)) row -= Number(piece.slice(2, -1))
    else if (piece.startsWith('\r')) lines[row] = ''
    else if (piece !== '') lines[row] = (lines[row] ?? '') + piece
    lines[row] ??= ''
  }
  return lines.filter((line) => line !== '')
}

test('on a terminal each part has one line, which is drawn anew, cut to the width, and obeys no escapes of a log', () => {
  const text = written({ isTTY: true, columns: 40 }, { NO_COLOR: '1' })
  assert.deepEqual(screenOf(text), ['stack  checkout  unpacked', 'hello  build     three \\x1b[2Jand a ve…'])
  assert.equal(text.includes(`${escape}[2J`), false)
  assert.ok(written({ isTTY: true, columns: 40 }, {}).includes(`${escape}[2munpacked${escape}[0m`))
})

test('elsewhere every line of the log is printed as it is', () => {
  const lines = [
    'checkout | unpacked',
    'build hello | one',
    'build hello | two',
    'build hello | three \\x1b[2Jand a very long end of the line',
    ''
  ]
  assert.equal(written({}, {}), lines.join('\n'))
  assert.equal(written({ isTTY: true }, { TERM: 'dumb' }), lines.join('\n'))
})

test('of a part that failed the last lines are told again on a terminal, where they were drawn over', () => {
  const write = () => undefined
  const said = (terminal: { isTTY?: boolean }) => {
    const progress = createProgress({ ...terminal, write }, {})
    const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`)
    progress.tell({ step: 'build', functionName: 'hello', text: lines.join('\n') })
    progress.tell({ step: 'build', functionName: 'other', text: 'all is well' })
    progress.tell({ step: 'build', functionName: 'hello', text: `${escape}[31mexpected 1\n\n` })
    progress.end()
    return progress.lastLines('hello')
  }
  const lines = said({ isTTY: true })
  assert.equal(lines.length, 30)
  assert.deepEqual([lines.at(0), lines.at(-2), lines.at(-1)], ['line 11', 'line 39', '\\x1b[31mexpected 1'])
  assert.deepEqual(said({}), [])
})
