import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Stop } from './processes.mjs'

/** Newer than the machine's own suite may be: its packages are unpacked and never installed. */
export const suite = 'trixie'

/**
 * Unpacks packages of Debian's, with lists and a cache of its own: the machine's are as they were.
 *
 * @param without what is not there where they cannot be had, and what to do then
 */
export async function unpackPackages(packages, directory, { machine, say, without, instead }) {
  say(`unpacking ${packages.join(', ')} of Debian ${suite}`)
  const work = join(directory, 'apt')
  for (const path of ['lists/partial', 'archives/partial']) mkdirSync(join(work, path), { recursive: true })
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const archive = await archiveOf(machine)
  if (archive === null) throw new Stop(`apt-get knows no archive of Debian's to take ${packages[0]} from: ${instead}`)
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${archive} ${suite} main\n`)
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Sandbox::User': 'root'
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const run = async (program, args, cwd) => {
    const { code, output } = await machine.run(program, args, { cwd, env: machine.env })
    if (code !== 0) throw new Stop(`${program} failed, so that there is no ${without}:\n${output.trim()}`)
  }
  await run('apt-get', [...options, 'update'], work)
  await run('apt-get', [...options, 'download', ...packages], work)
  for (const file of readdirSync(work)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(work, file), directory], work)
  }
  rmSync(work, { recursive: true })
}

/** Where this machine takes Debian's packages from: whoever set it up knows which mirror it reaches. */
async function archiveOf(machine) {
  if (machine.find(['apt-get']) === null) return null
  const ask = async () => {
    const format = '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)'
    const { output } = await machine.run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
    // Not of updates or security, whose suites have a dash and, in part, archives of their own.
    return /^Debian [a-z]+ main (\S+)$/m.exec(output)?.[1] ?? null
  }
  const known = await ask()
  if (known !== null) return known
  await machine.run('apt-get', ['update']) // only with its lists it knows whose an archive is
  return ask()
}
