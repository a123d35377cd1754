import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createScene, type Scene } from './scene.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const cli = join(root, 'services/cli/src/main.ts')

let scene: Scene
let path: string

before(async () => {
  scene = await createScene()
  const bin = join(scene.directory, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'slipway'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 })
  path = `${bin}:${process.env.PATH}`
})
after(() => scene.close())

/** The commands of a page, in order. What cannot be run on one machine is in blocks of `text`. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block)
}

/** All in one shell, as somebody types them; a command that fails ends it. */
async function run(commands: string[]): Promise<string> {
  const directory = await mkdtemp(join(scene.directory, 'reader-'))
  const env = {
    ...process.env,
    PATH: path,
    SLIPWAY_HOME: join(scene.directory, 'home'),
    XDG_CONFIG_HOME: directory,
    NODE_TEST_CONTEXT: undefined
  }
  return new Promise((resolve, reject) => {
    const args = ['--norc', '-c', `set -euo pipefail\n${commands.join('\n')}`]
    const child = execFile('bash', args, { cwd: directory, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${stdout}\n${stderr}`))
    })
    child.stdin?.end()
  })
}

test('every command of "get started" does what the page says', { timeout: 300_000 }, async () => {
  const said = await run(commandsOf(await readFile(join(root, 'docs/get-started.md'), 'utf8')))
  const answers = [...said.matchAll(/\{"hello":"\w+"\}/g)].map(([text]) => text)
  assert.deepEqual(answers, ['{"hello":"you"}', '{"hello":"YOU"}', '{"hello":"you"}'], said)
  assert.match(said, /alice\/hello is live: http/)
})

test('every command of "write a function" does what the page says', { timeout: 300_000 }, async () => {
  const said = await run(commandsOf(await readFile(join(root, 'docs/write-a-function.md'), 'utf8')))
  assert.match(said, /"hello": ?"you"/)
  assert.match(said, /<h1>Hello from site<\/h1>/)
})

test('every page that a page leads to is there', async () => {
  const pages = ['README.md', 'SECURITY.md', ...(await readdir(join(root, 'docs'))).map((name) => `docs/${name}`)]
  const missing: string[] = []
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    const text = await readFile(join(root, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
      const file = new URL(target, new URL(page, `file://${root}`))
      if (
        await readFile(file).then(
          () => false,
          (err: NodeJS.ErrnoException) => err.code === 'ENOENT'
        )
      )
        missing.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(missing, [])
})
