import { unprivilegedUser } from './container.ts'

/**
 * Who a function runs as, by what its image says. Root becomes somebody else.
 *
 * @returns null for a user by name: only the image's own `/etc/passwd` tells who that is.
 */
export function userOf(imageUser: string): string | null {
  const [user = ''] = imageUser.split(':')
  if (user === '' || user === 'root') return unprivilegedUser
  if (!/^\d+$/.test(user)) return null
  return Number(user) === 0 ? unprivilegedUser : imageUser
}

/** The same for a user by name. One that is not there, or is root under another name, becomes somebody else. */
export function userByName(imageUser: string, passwd: string): string {
  const [name = '', group] = imageUser.split(':')
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([user]) => user === name)
  const [, , uid = '', gid = ''] = entry ?? []
  if (!/^\d+$/.test(uid) || Number(uid) === 0) return unprivilegedUser
  return `${uid}:${group ?? gid}`
}

/** The contents of the one file in an archive as the engine gives it (POSIX ustar); empty for anything but a plain file. */
export async function fileOfArchive(archive: AsyncIterable<string | Buffer>, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of archive) {
    const bytes = Buffer.from(chunk)
    chunks.push(bytes)
    length += bytes.length
    if (length > limitBytes) break
  }
  const bytes = Buffer.concat(chunks)
  const type = String.fromCharCode(bytes[156] ?? 0)
  if (type !== '0' && type !== '\0') return ''
  const size = Number.parseInt(bytes.toString('ascii', 124, 135), 8)
  return bytes.toString('utf8', 512, 512 + (Number.isFinite(size) ? size : 0))
}
