import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findProgram } from './processes.mjs'

/** The operating system's own programs, not what a user put before them in PATH. */
const systemDirectories = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']

/** What a build step may expect of a small Linux: a shell, the core utilities and what reads and packs text and files. */
const programs = (
  'sh bash ' +
  '[ arch base64 basename cat chgrp chmod chown cksum comm cp cut date dd df dirname du echo env expand expr factor false fmt fold head id ' +
  'install join link ln ls md5sum mkdir mkfifo mktemp mv nice nl nohup nproc od paste pathchk pr printenv printf pwd readlink realpath rm ' +
  'rmdir sed seq sha1sum sha256sum sha512sum shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true ' +
  'truncate tsort tty uname unexpand uniq unlink wc whoami yes ' +
  'awk cmp diff egrep fgrep find getent grep gunzip gzip hostname ps tar which xargs zcat'
).split(' ')

/**
 * The entries of a root file system made of this machine's own parts: programs, the libraries that `ldd` names for them,
 * the machine's certificates, and users root, nobody and app (10001). `binaries` maps further programs to their place,
 * `scripts` and `files` hold text, `trees` are directories taken over as they are. `users` are further ones, their ids by their names,
 * and `owned` directories of theirs, each with the id of whose it is. Of the binaries those in `setuid` run as root.
 */
export async function rootFileSystem({
  machine,
  binaries = {},
  scripts = {},
  trees = [],
  links = {},
  files = {},
  users = {},
  owned = {},
  setuid = []
}) {
  const entries = new Map()
  const add = (entry) => entries.set(entry.path, entry)
  for (const path of directories) add({ path, mode: path.endsWith('tmp') ? 0o1777 : 0o755 })
  for (const [path, link] of Object.entries({ ...systemLinks, ...links })) add({ path, link, mode: 0o777 })

  const placed = { ...binaries }
  for (const name of programs) {
    const found = findProgram(name, '', systemDirectories)
    if (found !== null) placed[`/usr/bin/${name}`] = found
  }
  for (const [path, source] of Object.entries(placed))
    add(fileEntry(path, realpathSync(source), setuid.includes(path) ? 0o4755 : 0o755))
  for (const tree of trees) for (const entry of treeEntries(tree)) add(entry)

  const loaded = [...entries.values()].filter(({ source, path }) => source && (path in placed || path.endsWith('.so')))
  for (const library of await librariesOf(
    machine,
    loaded.map(({ source }) => source)
  )) {
    add(fileEntry(merged(library), realpathSync(library), 0o755))
  }

  for (const [path, text] of Object.entries({ ...systemFiles(users), ...files })) add({ path, text, mode: 0o644 })
  for (const [path, text] of Object.entries(scripts)) add({ path, text, mode: 0o755 })
  add({ path: '/root', mode: 0o700 })
  add({ path: '/home/app', mode: 0o755, uid: 10001, gid: 10001 })
  for (const [path, id] of Object.entries(owned)) add({ path, mode: 0o755, uid: id, gid: id })
  for (const path of Array.from(entries.keys())) addParents(entries, path)
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function addParents(entries, path) {
  const parent = dirname(path)
  if (parent === '/' || entries.has(parent)) return
  entries.set(parent, { path: parent, mode: 0o755 })
  addParents(entries, parent)
}

const directories = (
  '/dev /etc /etc/ssl /etc/ssl/certs /home /proc /run /sys /tmp /usr /usr/bin /usr/lib /usr/lib64 /usr/local /usr/local/bin ' +
  '/usr/local/etc /usr/local/lib /usr/sbin /usr/share /var /var/tmp'
).split(' ')

const systemLinks = {
  '/bin': 'usr/bin',
  '/lib': 'usr/lib',
  '/lib64': 'usr/lib64',
  '/sbin': 'usr/sbin',
  '/etc/os-release': '../usr/lib/os-release'
}

function systemFiles(users) {
  const more = Object.entries(users)
  const files = {
    '/etc/passwd':
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\napp:x:10001:10001:app:/home/app:/bin/sh\n' +
      more.map(([name, id]) => `${name}:x:${id}:${id}:${name}:/nonexistent:/bin/false\n`).join(''),
    '/etc/group': `root:x:0:\nnogroup:x:65534:\napp:x:10001:\n${more.map(([name, id]) => `${name}:x:${id}:\n`).join('')}`,
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    '/usr/lib/os-release': readFileSync('/etc/os-release', 'utf8')
  }
  const certificates = certificateBundle()
  if (certificates !== null) files[certificateFile] = certificates
  return files
}

export const certificateFile = '/etc/ssl/certs/ca-certificates.crt'

/** Debian's place, Fedora's, Alpine's and SUSE's. */
function certificateBundle() {
  const places = [certificateFile, '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem', '/etc/ssl/ca-bundle.pem']
  const found = places.find((place) => existsSync(place))
  return found === undefined ? null : readFileSync(found, 'utf8')
}

/** /bin, /lib and their like are links into /usr in the image, whatever they are on this machine. */
function merged(path) {
  return /^\/(bin|sbin|lib|lib64)\//.test(path) ? `/usr${path}` : path
}

async function librariesOf(machine, files) {
  const { output } = await machine.run('ldd', [...new Set(files)])
  const found = [...output.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1])
  const libc = found.find((file) => basename(file) === 'libc.so.6')
  const beside = libc === undefined ? [] : expectedLibraries.map((name) => join(dirname(libc), name))
  return [...new Set([...found, ...beside.filter((file) => existsSync(file))])]
}

/** What compiled npm and Python packages are allowed to expect of any Linux (PEP 600), whether or not a program here needs it. */
const expectedLibraries = (
  'libpthread.so.0 libdl.so.2 librt.so.1 libutil.so.1 libm.so.6 libresolv.so.2 libnss_files.so.2 libnss_dns.so.2 ' +
  'libstdc++.so.6 libgcc_s.so.1 libz.so.1 libexpat.so.1'
).split(' ')

function fileEntry(path, source, mode) {
  const { size } = statSync(source)
  return { path, source, size, mode }
}

/** A directory of this machine at another place; `without` tells by name what is left out. */
function* treeEntries({ from, to, without = () => false }) {
  yield { path: to, mode: 0o755 }
  for (const name of readdirSync(from).sort()) {
    const source = join(from, name)
    const path = join(to, name)
    if (without(name)) continue
    const info = lstatSync(source)
    if (info.isDirectory()) yield* treeEntries({ from: source, to: path, without })
    else if (info.isSymbolicLink()) yield* linkEntries(path, source)
    else if (info.isFile()) yield { path, source, size: info.size, mode: info.mode & 0o111 ? 0o755 : 0o644 }
  }
}

/** A link within one directory stays a link; one that leads elsewhere becomes what it leads to. */
function* linkEntries(path, source) {
  const link = readlinkSync(source)
  if (basename(link) === link && existsSync(join(dirname(source), link))) yield { path, link, mode: 0o777 }
  else if (existsSync(source) && statSync(source).isFile()) yield fileEntry(path, realpathSync(source), 0o644)
}
