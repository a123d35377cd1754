import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { type Pack, pack } from 'tar-stream'

/**
 * A base image of the `node` template from this machine's own node, npm and shell: no image can be counted on to be pulled.
 *
 * @param label of the test, which removes its images by it.
 */
export async function makeNodeBase(docker: Docker, label: string): Promise<string> {
  const repository = `slipway-test-${randomUUID()}`
  const stream = await docker.importImage(nodeRoot(), {
    repo: repository,
    tag: 'base',
    changes: ['ENV PATH=/usr/local/bin:/usr/bin:/bin', `LABEL ${label}`]
  })
  stream.resume()
  await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject))
  return `${repository}:base`
}

function nodeRoot(): Readable {
  const tar = pack()
  const shell = ['sh', 'rm', 'env', 'cat'].map((name) =>
    execFileSync('/bin/sh', ['-c', `command -v ${name}`])
      .toString()
      .trim()
  )
  const programs = [process.execPath, ...shell]
  for (const program of programs) {
    const target = program === process.execPath ? 'usr/local/bin/node' : `bin/${basename(program)}`
    tar.entry({ name: target, mode: 0o755 }, readFileSync(program))
  }
  tar.entry({ name: 'usr/bin/env', type: 'symlink', linkname: '/bin/env' })
  for (const library of new Set(programs.flatMap(librariesOf))) {
    tar.entry({ name: library.slice(1), mode: 0o755 }, readFileSync(realpathSync(library)))
  }
  addFolder(tar, npmFolder(), 'usr/local/lib/node_modules/npm')
  tar.entry({ name: 'usr/local/bin/npm', type: 'symlink', linkname: '../lib/node_modules/npm/bin/npm-cli.js' })
  tar.entry({ name: 'tmp/', type: 'directory', mode: 0o1777 })
  tar.entry({ name: 'home/app/', type: 'directory', uid: 10_001, gid: 10_001 })
  tar.entry({ name: 'etc/passwd' }, 'root:x:0:0::/:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\n')
  tar.finalize()
  return tar as unknown as Readable
}

function librariesOf(program: string): string[] {
  const output = execFileSync('ldd', [program], { encoding: 'utf8' })
  return [...output.matchAll(/(\/\S+) \(0x/g)].map((found) => found[1] ?? '')
}

/** The npm that runs the tests, else the one in the path. */
function npmFolder(): string {
  const script =
    process.env.npm_execpath ?? execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()
  return dirname(dirname(realpathSync(script)))
}

function addFolder(tar: Pack, folder: string, target: string): void {
  for (const name of readdirSync(folder)) {
    if (name === 'docs' || name === 'man') continue
    const path = join(folder, name)
    const stats = lstatSync(path)
    if (stats.isDirectory()) addFolder(tar, path, `${target}/${name}`)
    else if (stats.isSymbolicLink())
      tar.entry({ name: `${target}/${name}`, type: 'symlink', linkname: readlinkSync(path) })
    else tar.entry({ name: `${target}/${name}`, mode: stats.mode & 0o777 }, readFileSync(path))
  }
}
