import { Failure } from '@slipway/domain/failure'

/** SQLite's primary result codes that say "the database cannot be used now", in words for who can mend it. */
const sqliteFailures: Record<number, string> = {
  5: 'the database is busy: another process holds it for too long',
  6: 'the database is locked by another process',
  8: 'the database file is read-only: check its permissions and the disk',
  10: 'the database file cannot be read or written: check the disk',
  11: 'the database file is damaged: restore a backup',
  13: 'the disk of the database is full: make room on it',
  14: 'the database file cannot be opened: check its folder and permissions',
  26: 'the database file is not a SQLite database: check its path'
}

/** Classes and codes of SQLSTATE that mean "not now" (PostgreSQL's manual, appendix A). */
const awayStates = ['08', '53', '57', '58', '40', '55P03', '25006', '25P03']
const refusedStates = ['28', '3D000', '42501']

/** What the file system says where the SQLite file, or its folder, cannot be. */
const fileCodes = new Set(['EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR', 'EROFS', 'ENOSPC'])

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EPIPE'
])

/** `pg` raises these as plain errors without a code. */
const networkMessages =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|connection error/i

/** What Node says of a certificate that it does not take, and of a server that does not speak TLS after all. */
const tlsCodes =
  /^(ERR_TLS_|ERR_SSL_|CERT_|EPROTO$|INVALID_CA$|INVALID_PURPOSE$|HOSTNAME_MISMATCH$|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_)/

/** `pg` raises these as plain errors without a code. */
const tlsMessages = /does not support SSL connections|error establishing an SSL connection/i
const passwordMessages = /^SASL: /

function codeOf(err: object): string {
  return 'code' in err && typeof err.code === 'string' ? err.code : ''
}

/**
 * True when PostgreSQL gave up one of several transactions that stood in each other's way (serialization, deadlock, or a unique index
 * that another one filled between our look and our insert): done again, the same work sees what the other one did.
 */
export function isConflict(err: unknown): boolean {
  return err instanceof Error && ['40001', '40P01', '23505'].includes(codeOf(err))
}

/** Translates what a driver threw. What is no Failure afterwards is a bug of this package, and stays as it is. */
export function translate(err: unknown): unknown {
  if (!(err instanceof Error) || err instanceof Failure) return err
  const code = codeOf(err)
  if (code === 'ENOENT' && 'syscall' in err && err.syscall === 'open') {
    const message = 'a file that DATABASE_URL names is not there: check sslrootcert, sslcert and sslkey'
    return new Failure('invalid-configuration', message, { cause: err })
  }
  if (code === 'ERR_SQLITE_ERROR' && 'errcode' in err && typeof err.errcode === 'number') {
    const message = sqliteFailures[err.errcode & 0xff]
    return message === undefined ? err : new Failure('unavailable', message, { cause: err })
  }
  if (fileCodes.has(code)) {
    return new Failure('unavailable', `the database file cannot be made (${code}): check its path and permissions`, {
      cause: err
    })
  }
  const isRefused = refusedStates.some((state) => code.startsWith(state))
  if (isRefused || (code === '' && passwordMessages.test(err.message))) {
    return new Failure(
      'invalid-configuration',
      'PostgreSQL refused us: check user, password, database and rights in DATABASE_URL',
      { cause: err }
    )
  }
  if (tlsCodes.test(code) || (code === '' && tlsMessages.test(err.message))) {
    const message = 'no connection with TLS to PostgreSQL: check sslmode and sslrootcert in DATABASE_URL'
    return new Failure('invalid-configuration', message, { cause: err })
  }
  if (code === 'ERR_INVALID_URL') {
    // Without the cause: the whole address is in it.
    return new Failure(
      'invalid-configuration',
      'DATABASE_URL is no address: what is special in a password is written as %XX'
    )
  }
  const isAway =
    networkCodes.has(code) ||
    (code === '' && networkMessages.test(err.message)) ||
    (/^[0-9A-Z]{5}$/.test(code) && awayStates.some((state) => code.startsWith(state)))
  return isAway ? new Failure('unavailable', 'the database does not answer: it is tried again', { cause: err }) : err
}

/** PostgreSQL's `undefined_table`; SQLite has no code of its own for it. */
export function isWithoutTables(err: unknown): boolean {
  return err instanceof Error && (('code' in err && err.code === '42P01') || err.message.startsWith('no such table'))
}
