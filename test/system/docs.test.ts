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

const docs = (name: string) => readFile(join(root, name === 'README.md' ? '' : 'docs', name), 'utf8')

/** The commands of a page, in order. What cannot be run on one machine is in blocks of `text`, which say why. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block)
}

/** What a reader has before a page begins: where Slipway runs, and something to keep secret. */
async function readersEnvironment(directory: string): Promise<NodeJS.ProcessEnv> {
  const home = join(scene.directory, 'home')
  return {
    ...process.env,
    PATH: path,
    SLIPWAY_HOME: home,
    REGISTRY: scene.registry,
    SLIPWAY_URL: scene.installation.endpoints.api,
    SLIPWAY_TOKEN: (await readFile(join(home, 'admin-token'), 'utf8')).trim(),
    PASSWORD: 'a password of the docs',
    XDG_CONFIG_HOME: directory,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
    NODE_TEST_CONTEXT: undefined
  }
}

/** All in one shell, as somebody types them; a command that fails ends it. */
async function run(commands: string[]): Promise<string> {
  const directory = await mkdtemp(join(scene.directory, 'reader-'))
  const env = await readersEnvironment(directory)
  return new Promise((resolve, reject) => {
    const args = ['--norc', '-c', `set -euo pipefail\n${commands.join('\n')}`]
    const child = execFile('bash', args, { cwd: directory, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${stdout}\n${stderr}`))
    })
    child.stdin?.end()
  })
}

/** What a page's commands have to say, beyond that none of them fails. */
const promises: Record<string, (said: string) => void> = {
  'README.md': (said) => assert.match(said, /me\/greet is live: http\S+\n\{"hello":"you"\}/),
  'get-started.md': (said) => {
    const answers = [...said.matchAll(/\{"hello":"\w+"\}/g)].map(([text]) => text)
    assert.deepEqual(answers, ['{"hello":"you"}', '{"hello":"YOU"}', '{"hello":"you"}'], said)
    assert.match(said, /alice\/hello is live: http/)
  },
  'write-a-function.md': (said) => {
    assert.match(said, /"hello": ?"you"/)
    assert.match(said, /<h1>Hello from site<\/h1>/)
  },
  'api.md': (said) => assert.match(said, /"name":"hello"/),
  'openfaas.md': (said) => assert.match(said, /"name":"hello"/),
  'operate.md': (said) => assert.match(said, /alice.*ask operations about the bill[^]*restored what was backed up/),
  'plonk.md': (said) => assert.match(said, /^gateway_service_count\{/m),
  'secrets.md': (said) => assert.match(said, /^db +.*password/m),
  'settings.md': (said) => assert.match(said, /^ok /m),
  'sign-in.md': (said) => assert.equal(said.match(/\/claim#/g)?.length, 2),
  'traffic.md': (said) => assert.match(said, /\{"hello":"world"\}/i)
}

// The first two make the functions that the others are about.
const first = ['get-started.md', 'write-a-function.md']
const names = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort()
const pages = ['README.md', ...first, ...names.filter((name) => !first.includes(name))]

for (const page of pages) {
  const commands = commandsOf(await docs(page))
  if (commands.length === 0) continue
  test(`every command of ${page} does what the page says`, { timeout: 390_000 }, async () => {
    const said = await run(commands)
    promises[page]?.(said)
  })
}

test('every block of a page says what it is: commands that are run, or what is not', async () => {
  const wrong: string[] = []
  for (const page of names) {
    const fences = (await docs(page)).split('\n').filter((line) => line.startsWith('```'))
    for (const [at, fence] of fences.entries())
      if (at % 2 === 0 && !/^```(?:sh|text|yaml|js)$/.test(fence)) wrong.push(`${page}: ${fence}`)
  }
  assert.deepEqual(wrong, [])
  assert.deepEqual(
    Object.keys(promises).filter((name) => !pages.includes(name)),
    []
  )
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
