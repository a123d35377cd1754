import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, isGuessable } from '@slipway/domain'

/** Where the token of the administrator stands, readable by the installation's user alone. */
export function tokenPath(home: string): string {
  return join(home, 'admin-token')
}

/**
 * The administrator's token: as it is given, or made once, at the first start, and kept in a file. There is no default.
 *
 * @throws Failure `invalid-configuration` for a file that holds none, and for a token that anybody would guess.
 */
export async function ensureToken(home: string, given?: string): Promise<string> {
  if (given !== undefined) {
    if (!isGuessable(given)) return given
    throw new Failure('invalid-configuration', "anybody would guess the administrator's token in ADMIN_TOKEN")
  }
  await mkdir(home, { recursive: true })
  const path = tokenPath(home)
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      const token = `slw_${randomBytes(32).toString('base64url')}`
      await file.writeFile(`${token}\n`)
      return token
    } finally {
      await file.close()
    }
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  }
  const token = (await readFile(path, 'utf8')).trim()
  if (token.length < 32) {
    throw new Failure(
      'invalid-configuration',
      `${path} holds no token: remove the file, a new one is made at the next start`
    )
  }
  if (isGuessable(token)) {
    throw new Failure(
      'invalid-configuration',
      `anybody would guess the administrator's token in ${path}: remove the file, a random one is made at the next start`
    )
  }
  return token
}

/** True for `Bearer <token>`, in constant time whatever is sent. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(`Bearer ${token}`)
  return (authorization) => timingSafeEqual(digest(authorization ?? ''), expected)
}
