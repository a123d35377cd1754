import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApt } from './apt.mjs'
import { findProgram, run } from './processes.mjs'
import { stateDirectory } from './state.mjs'

/** A machine that has only the programs that a test puts on it, and a state directory of its own. */
export function createMachine(t, { env = {}, isRoot = false, programs = {} } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'slipway-bootstrap-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const bin = join(root, 'bin')
  mkdirSync(bin)
  const said = []
  const say = (line) => said.push(line)
  const machine = {
    env: { PATH: `${bin}:/usr/bin:/bin`, ...env },
    isRoot,
    hasSystemd: false,
    dockerSockets: [join(root, 'docker.sock')],
    find: (names) => findProgram(names, bin, []),
    findProcess: () => null,
    run: (command, args, options) => run(command, args, { env: machine.env, ...options })
  }
  const install = (name, text) => {
    writeFileSync(join(bin, name), text)
    chmodSync(join(bin, name), 0o755)
  }
  for (const [name, text] of Object.entries(programs)) install(name, text)
  const state = stateDirectory({ root, env: {} })
  return { root, bin, machine, state, say, said, install, apt: createApt({ machine, state, say }) }
}

/** An apt-get that knows some packages, each of which brings programs, and writes down how it was called. */
export function fakeApt({ packages, isOutdated = false }) {
  const cases = Object.entries(packages).map(
    ([name, program]) => `${name}) echo "Inst ${name} (1.0)"; program=${program};;`
  )
  return `#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/apt.log"
case " $* " in *" update "*) touch "$here/updated"; exit 0;; esac
${isOutdated ? '[ -e "$here/updated" ] || { echo "E: Unable to locate package"; exit 100; }' : ''}
for last; do :; done
case "$last" in
${cases.join('\n')}
*) echo "E: Unable to locate package $last"; exit 100;;
esac
case " $* " in *" --simulate "*) exit 0;; esac
printf '#!/bin/sh\\n' > "$here/$program"
chmod +x "$here/$program"
`
}

/** Something that answers like a Docker engine, as far as the bootstrap asks. \`routes\` maps "METHOD /path" to status and body. */
export async function startFakeEngine(t, socket, routes) {
  const calls = []
  const server = createServer((req, res) => {
    const [path] = req.url.split('?')
    calls.push(`${req.method} ${decodeURIComponent(req.url)}`)
    req.resume()
    req.once('end', () => {
      const answer =
        path === '/version'
          ? { Version: '20.10', Arch: 'amd64' }
          : routes(req.method, path, decodeURIComponent(req.url))
      res.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
      res.end(JSON.stringify(answer ?? { message: 'no such thing' }))
    })
  })
  await new Promise((resolve) => server.listen(socket, resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  return calls
}
