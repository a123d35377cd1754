import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { certificateFile } from './root-file-system.mjs'

/** What every image of this machine's parts is made of; null where none can be made: Linux with the GNU C library is needed. */
export function commonInputs(machine) {
  if (process.platform !== 'linux' || machine.find('ldd') === null || !existsSync('/etc/os-release')) return null
  return { system: readFileSync('/etc/os-release', 'utf8'), certificates: fingerprint(certificateFile) }
}

/** Tells contents apart without reading all of a large file: its size and its first MiB, in which a program names its build. */
export function fingerprint(file) {
  if (!existsSync(file)) return null
  const head = Buffer.alloc(1024 * 1024)
  const descriptor = openSync(file, 'r')
  try {
    const length = readSync(descriptor, head)
    return [statSync(file).size, createHash('sha256').update(head.subarray(0, length)).digest('hex')]
  } finally {
    closeSync(descriptor)
  }
}

/** The directory of iptables' modules, which it loads by their names; null where there is none. */
export function findExtensions() {
  const libraries = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'xtables'))
  return libraries.find((directory) => existsSync(directory)) ?? null
}
