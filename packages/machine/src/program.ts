import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Failure } from '@slipway/domain'

/** Where operating systems put programs, whatever PATH says: servers are often outside a user's PATH. */
const usualDirectories = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/opt/homebrew/bin',
  '/opt/homebrew/sbin'
]

/** Debian keeps PostgreSQL's server programs in a directory per version. */
const postgresDirectory = '/usr/lib/postgresql'

/** What to install for a program that is missing, by the name of Debian's package. */
const packages: Record<string, string> = {
  'redis-server': 'redis-server',
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  git: 'git',
  iptables: 'iptables',
  initdb: 'postgresql',
  postgres: 'postgresql',
  mmdebstrap: 'mmdebstrap'
}

export interface ProgramOptions {
  /** Searched first, in the form of the PATH variable. */
  path?: string
  /** Searched instead of the usual directories. */
  directories?: string[]
}

/** The full path of an installed program; null when it is not installed. */
export async function findProgram(name: string, options: ProgramOptions = {}): Promise<string | null> {
  const fromPath = options.path?.split(delimiter).filter((directory) => directory !== '') ?? []
  const usual = options.directories ?? [...usualDirectories, ...(await postgresDirectories())]
  for (const directory of [...fromPath, ...usual]) {
    const file = join(directory, name)
    if (await isExecutable(file)) return file
  }
  return null
}

/** The first of several names that is installed. @throws Failure `invalid-configuration` telling what to install */
export async function requireProgram(names: string | string[], options: ProgramOptions = {}): Promise<string> {
  const candidates = [names].flat()
  for (const name of candidates) {
    const file = await findProgram(name, options)
    if (file !== null) return file
  }
  throw missingProgram(candidates)
}

export function missingProgram(names: string[]): Failure {
  const packageName = names.map((name) => packages[name]).find((name) => name !== undefined) ?? names[0]
  const advice = `install it, on Debian and Ubuntu with "apt-get install ${packageName}"`
  return new Failure('invalid-configuration', `${names.join(' or ')} is not installed: ${advice}`)
}

async function postgresDirectories(): Promise<string[]> {
  try {
    const versions = await readdir(postgresDirectory)
    return versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(postgresDirectory, version, 'bin'))
  } catch {
    return [] // not Debian, or no PostgreSQL
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
