import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isTerminal } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createScene, type Scene } from './scene.ts'

const cli = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))
const runProgram = promisify(execFile)
const socket = `slipway-test-${randomUUID().slice(0, 8)}`

let scene: Scene
let folder: string

/** tmux with a server of our own, and no configuration of anybody's. */
async function tmux(...args: string[]): Promise<string> {
  return (await runProgram('tmux', ['-L', socket, '-f', '/dev/null', ...args])).stdout
}

async function type(line: string): Promise<void> {
  await tmux('send-keys', '-t', 'main', '-l', line)
  await tmux('send-keys', '-t', 'main', 'Enter')
}

/** What is on the screen, with colours as escapes where they are wanted. */
const screen = (...more: string[]) => tmux('capture-pane', '-p', '-t', 'main', ...more)

async function untilShown(pattern: RegExp, timeoutMs = 120_000): Promise<string> {
  let shown = ''
  try {
    return await waitFor(
      async () => {
        shown = await screen()
        return pattern.test(shown) ? shown : null
      },
      { timeoutMs, everyMs: 50, what: `${pattern} on the screen` }
    )
  } catch (err) {
    throw new Error(`there was:\n${shown}`, { cause: err })
  }
}

/** Said by nobody before: an engine that knew it would have no step to show. */
const answering = (word: string) => `module.exports = async () => ({ ${word}: '${randomUUID()}' })\n`

/** Its own test takes so long that somebody can look at the screen meanwhile. */
async function takesSeconds(seconds: number): Promise<void> {
  const test = `node -e "setTimeout(() => {}, ${seconds}000)"`
  await writeFile(
    join(folder, 'hello/package.json'),
    JSON.stringify({ name: 'hello', version: '1.0.0', scripts: { test } })
  )
}

async function cleared(): Promise<void> {
  await tmux('send-keys', '-t', 'main', 'C-l')
  await tmux('clear-history', '-t', 'main')
}

before(async () => {
  scene = await createScene()
  folder = join(scene.directory, 'shop')
  await mkdir(join(folder, 'hello'), { recursive: true })
  await writeFile(join(folder, 'stack.yml'), 'functions:\n  hello:\n    lang: node\n    handler: ./hello\n')
  await writeFile(join(folder, 'hello/handler.js'), answering('first'))
  await takesSeconds(12)
  await scene.installation.api.addOwner({ slug: 'carol' })

  const settings = [`SLIPWAY_HOME='${join(scene.directory, 'home')}'`, "PS1='$ '", 'TERM=tmux-256color']
  const shell = `env -u NO_COLOR ${settings.join(' ')} bash --norc`
  await tmux('new-session', '-d', '-s', 'main', '-x', '100', '-y', '30', '-c', folder, shell)
  await type(`slipway() { '${process.execPath}' '${cli}' "$@"; }; clear`)
})

after(async () => {
  await tmux('kill-server').catch(() => null) // it never started
  await scene.close()
})

test('in a terminal each part of a build has one line, and Ctrl-C leaves the build running', async () => {
  await type('slipway deploy --owner carol; echo "ended with $?"')
  const shown = await untilShown(/^hello +build +\S/m)
  assert.equal(shown.match(/^hello +(?:build|push|deploy) /gm)?.length, 1, shown)
  assert.equal(shown.match(/^stack +\w+ /gm)?.length, 1, shown)
  const faint = `${String.fromCharCode(27)}[2m`
  assert.ok((await screen('-e')).includes(faint), 'what a build says is faint')
  const [, id = ''] = /build (\S+) of \S+; Ctrl-C leaves it running/.exec(shown) ?? []

  await tmux('send-keys', '-t', 'main', 'C-c')
  const left = await untilShown(/ended with \d/)
  assert.match(left, /goes on without you/)
  assert.match(left, /ended with 1/)
  const { api } = scene.installation
  assert.equal(isTerminal((await api.getBuild({ id })).status), false)
  await waitFor(async () => (await api.getBuild({ id })).status === 'live', {
    timeoutMs: 120_000,
    what: 'the build that was left alone to go live'
  })
})

test('NO_COLOR keeps the redrawing and takes the colours; at the end stands where it answers', async () => {
  await cleared()
  await takesSeconds(5)
  await writeFile(join(folder, 'hello/handler.js'), answering('second'))
  await type('NO_COLOR=1 slipway deploy --owner carol; echo "ended with $?"')
  await untilShown(/^hello +build +\S/m)
  assert.ok(!(await screen('-e')).includes(`${String.fromCharCode(27)}[2m`))
  const shown = await untilShown(/ended with \d/)
  assert.match(shown, /carol\/hello is live: http:\S+\nended with 0/)
  assert.equal(shown.match(/^hello +(?:build|push|deploy) /gm)?.length, 1, shown)
})

test('written to a file the same command says each line once, without any escape', async () => {
  await cleared()
  await takesSeconds(0)
  await writeFile(join(folder, 'hello/handler.js'), answering('third'))
  await type('slipway deploy --owner carol > log; echo "ended with $?"; grep -c "$(printf "\\033")" log; tail -n 1 log')
  assert.match(await untilShown(/is live: http/), /ended with 0\n0\ncarol\/hello is live: http/)
})
