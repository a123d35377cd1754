import { existsSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { suite, unpackPackages } from './debian.mjs'
import { keptDirectory, makeKept } from './kept.mjs'
import { findProgram, Stop } from './processes.mjs'

const name = 'docker-compose'
/** Where Docker's command line looks for plugins. */
const pluginDirectories = [
  join(homedir(), '.docker/cli-plugins'),
  ...['/usr/local/lib', '/usr/local/libexec', '/usr/lib', '/usr/libexec'].map((parent) =>
    join(parent, 'docker/cli-plugins')
  )
]
const instead = 'install the Compose plugin (https://docs.docker.com/compose/install)'

/**
 * Docker's Compose, a plugin that runs by itself, too: the machine's own, else a newer Debian's, unpacked once and kept outside the tree.
 * The first generation, which is all that Debian 12 has, does not know the format of our file.
 *
 * @returns the environment variable that tells the tests where it is
 */
export async function ensureCompose({ machine, say }, plugins = pluginDirectories) {
  const installed = [findProgram(name, '', plugins), machine.find([name])]
  for (const program of installed) {
    if (program === null || !(await isNewEnough(program, machine))) continue
    say(`Compose is ${program}`)
    return { SLIPWAY_TEST_COMPOSE: program }
  }
  const directory = keptDirectory(machine, `compose-${suite}`)
  if (!existsSync(directory)) await unpack(directory, { machine, say })
  const program = join(directory, name)
  say(`Compose is ${program}`)
  return { SLIPWAY_TEST_COMPOSE: program }
}

async function isNewEnough(program, machine) {
  const { code, output } = await machine.run(program, ['version', '--short'])
  return code === 0 && /^v?([2-9]|\d\d)\./.test(output.trim())
}

async function unpack(directory, { machine, say }) {
  await makeKept(directory, async (beside) => {
    const without = 'Compose to test with'
    await unpackPackages([name], join(beside, 'package'), { machine, say, without, instead })
    const usr = join(beside, 'package', 'usr')
    const places = ['libexec/docker/cli-plugins', 'lib/docker/cli-plugins', 'bin'].map((place) => join(usr, place))
    const program = findProgram(name, '', places)
    if (program === null) throw new Stop(`Debian's package ${name} has no program of that name: ${instead}`)
    renameSync(program, join(beside, name))
    rmSync(join(beside, 'package'), { recursive: true })
  })
}
