import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keptDirectory, makeKept } from './kept.mjs'
import { Stop } from './processes.mjs'

/**
 * Helm, which the chart is checked with: the machine's own, else compiled by Go from its published module, once, and kept outside the tree.
 *
 * @returns the environment variable that tells the tests where it is
 */
export async function ensureHelm({ machine, say, root }) {
  const installed = machine.find(['helm'])
  if (installed !== null) {
    say(`helm is ${installed}`)
    return { SLIPWAY_TEST_HELM: installed }
  }
  const source = join(root, 'test', 'ship', 'programs')
  const made = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) made.update(readFileSync(join(source, file)))
  const directory = keptDirectory(machine, `helm-${made.digest('hex').slice(0, 16)}`)
  const program = join(directory, 'helm')
  if (existsSync(program)) say(`helm is ${program}`)
  else await compile(directory, { machine, say, source })
  return { SLIPWAY_TEST_HELM: program }
}

async function compile(directory, { machine, say, source }) {
  const go = machine.find(['go']) ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : null)
  if (go === null) {
    throw new Stop('Helm is needed: install it, or Go 1.26 or newer (https://go.dev/dl), with which it is compiled')
  }
  say('compiling Helm: once, for some minutes')
  await makeKept(directory, async (beside) => {
    const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', `${beside}/`, 'helm.sh/helm/v4/cmd/helm']
    const env = { ...machine.env, GOFLAGS: '-mod=readonly' }
    const { code, output } = await machine.run(go, args, { cwd: source, env })
    if (code !== 0) throw new Stop(`go build failed:\n${output.trim()}`)
  })
}
