#!/usr/bin/env node
/**
 * The one entry of all commands of this repository: makes the machine ready for a command, then runs it with the Node that it needs.
 * It has no dependencies and runs on Node 18 and newer; it writes nothing outside node_modules and the state directory.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApt } from './apt.mjs'
import { check } from './check.mjs'
import { clean } from './clean.mjs'
import { ensureDashboard } from './dashboard.mjs'
import { ensureDependencies, environmentFor, findNode } from './dependencies.mjs'
import { findProcess, usualDockerSockets } from './docker.mjs'
import { endRunning, findProgram, run, runInForeground, Stop, serverDirectories } from './processes.mjs'
import { prepare } from './requirements.mjs'
import { settingsOf } from './settings.mjs'
import { stateDirectory } from './state.mjs'
import {
  test,
  testBrowser,
  testKubernetes,
  testOpenFaas,
  testOpenFaasOnKubernetes,
  testRights,
  testShip
} from './tests.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const write = (text) => process.stdout.write(text)

const servers = ['git', 'docker', 'iptables', 'iproute2', 'redis', 'registry', 'base-node']
/** What the image of the services is made of, and run beside. */
const shipped = [...servers, 'postgres', 'docker-cli', 'base-services', 'image-redis', 'image-postgresql']
/** `hasPage`: it serves the web page, which is built first where it is missing or stale. `isRead`: other programs may read what the command prints, so that ours goes to the other stream. */
const commands = {
  check: { needs: ['git'], tests: check },
  test: {
    needs: [...servers, 'postgres', 'base-python', 'chromium', 'tmux'],
    isForTests: true,
    hasPage: true,
    tests: test
  },
  browser: { needs: [...servers, 'chromium'], isForTests: true, hasPage: true, tests: testBrowser },
  demo: { needs: servers, hasPage: true, script: 'infra/demo/src/main.ts' },
  bench: {
    needs: [...servers, 'docker-cli', 'webhook', 'nginx', 'wrk'],
    isForTests: true,
    isRead: true,
    script: 'test/bench/main.ts'
  },
  chaos: { needs: servers, isForTests: true, script: 'test/chaos/main.ts' },
  soak: { needs: servers, isForTests: true, script: 'test/soak/main.ts' },
  rolling: { needs: servers, isForTests: true, script: 'test/chaos/rolling-main.ts' },
  rights: { needs: [], tests: testRights },
  kubernetes: {
    needs: [...shipped, 'image-engine', 'runc', 'kubernetes', 'helm'],
    isForTests: true,
    tests: testKubernetes
  },
  openfaas: { needs: ['openfaas-programs', ...servers, 'docker-cli'], isForTests: true, tests: testOpenFaas },
  'openfaas-kubernetes': {
    needs: ['openfaas-programs', ...servers, 'docker-cli', 'runc', 'kubernetes'],
    isForTests: true,
    tests: testOpenFaasOnKubernetes
  },
  docs: { needs: [], script: 'services/cli/src/references/main.ts' },
  ship: {
    needs: [...shipped, 'image-registry', 'compose', 'helm'],
    isForTests: true,
    tests: testShip
  },
  slipway: { needs: [], isRead: true, script: 'services/cli/src/main.ts' }
}

const machine = {
  env: process.env,
  isRoot: process.getuid?.() === 0,
  hasSystemd: existsSync('/run/systemd/system'),
  dockerSockets: usualDockerSockets(),
  find: (names) => findProgram(names, process.env.PATH, serverDirectories()),
  findProcess,
  run
}

async function main([name, ...args]) {
  const command = commands[name]
  if (command === undefined) {
    console.error(`usage: node infra/bootstrap/main.mjs <${Object.keys(commands).join(' | ')}> [arguments]`)
    return 2
  }
  const say = (line) => (command.isRead === true ? console.error : console.log)(`· ${line}`)
  const state = stateDirectory({ root, env: process.env })
  if (name === 'demo' && args.includes('--clean')) {
    await clean({ state, machine, say })
    return 0
  }
  await ensureDependencies({ root, env: process.env, say })
  const node = await findNode({ root, env: process.env })
  const apt = createApt({ machine, state, say })
  const isForTests = command.isForTests === true
  // What is configured in the file is not installed either.
  if (isUp(name, args)) machine.env = { ...settingsOf(state.home, process.env), ...process.env }
  const found = await prepare(needsOf(name, command, args), { machine, apt, state, say, root, isForTests })
  const env = { ...environmentFor({ root, env: process.env, node }), ...found, SLIPWAY_HOME: state.home }
  if (command.hasPage === true || isUp(name, args)) await ensureDashboard({ root, env, node, say })
  if (command.tests !== undefined) {
    stopOnSignals()
    // Sources are stripped and compiled once for the hundreds of processes that tests start.
    const cached = { NODE_COMPILE_CACHE: state.file('compile-cache-of-tests'), ...env }
    const { passed, failed } = await command.tests({ root, env: cached, write, say })
    console.log(`${passed} passed, ${failed} failed`)
    return failed === 0 ? 0 : 1
  }
  // npm goes to the root of the repository; the command line is about the directory where it was called.
  const cwd = name === 'slipway' ? process.env.INIT_CWD || process.cwd() : process.cwd()
  // A command that only asks takes half the time once it is compiled; `up` keeps its own.
  const cached =
    name === 'slipway' && !isUp(name, args)
      ? { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'slipway'), ...env }
      : env
  return runInForeground(node, [join(root, command.script), ...args], { env: cached, cwd })
}

function stopOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, async () => {
      await endRunning()
      process.exit(130)
    })
  }
}

/** Of the command line only `up` starts servers: all else only asks. */
function needsOf(name, command, args) {
  return isUp(name, args) ? servers : command.needs
}

function isUp(name, args) {
  return name === 'slipway' && args[0] === 'up'
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (err) {
  if (!(err instanceof Stop)) throw err
  console.error(`\n${err.message}`)
  process.exitCode = 1
}
