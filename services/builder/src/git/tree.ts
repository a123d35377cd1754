import { Failure } from '@slipway/domain'

/** What a commit may hold. Reached before anything is written. */
export interface TreeLimits {
  files: number
  /** Of all files together, and of one. */
  bytes: number
  fileBytes: number
  /** Directories within each other. */
  depth: number
}

export const defaultTreeLimits: TreeLimits = {
  files: 50_000,
  bytes: 1024 * 1024 * 1024,
  fileBytes: 256 * 1024 * 1024,
  depth: 40
}

/** The arguments of the git command whose output `createTreeCheck` reads. */
export function listTreeArguments(commit: string): string[] {
  return ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]
}

/**
 * Reads the list of a commit's files as it comes, and throws at the first that is too many, too large, too deep or has a name
 * that no file of a checkout may have. A tree of a few bytes can name billions of files: the list is never waited for.
 *
 * @throws Failure `limit-exceeded` naming the limit, `unsafe-path` naming the path
 */
export function createTreeCheck(limits: TreeLimits): { read(chunk: Buffer): void; files(): number } {
  let rest: Buffer = Buffer.alloc(0)
  let files = 0
  let bytes = 0

  function check(entry: string): void {
    const [about, path] = splitOnce(entry, '\t')
    const size = Number(about.split(/ +/)[3]) // `-` for a submodule
    files += 1
    bytes += Number.isNaN(size) ? 0 : size
    checkPath(path, limits.depth)
    if (files > limits.files) throw exceeded(`more than ${limits.files} files`)
    if (size > limits.fileBytes) {
      throw exceeded(`a file of ${mebibytes(size)} (${path}), ${mebibytes(limits.fileBytes)} are allowed`)
    }
    if (bytes > limits.bytes) throw exceeded(`files of more than ${mebibytes(limits.bytes)} together`)
  }

  return {
    read(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let start = 0
      for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0, start)) {
        check(rest.toString('utf8', start, end))
        start = end + 1
      }
      rest = rest.subarray(start)
    },
    files: () => files
  }
}

/** git refuses to write such names as well; here they get a message of their own. */
function checkPath(path: string, depth: number): void {
  const parts = path.split('/')
  if (parts.length - 1 > depth) {
    throw exceeded(`directories ${parts.length - 1} deep (${path.slice(0, 200)}…), ${depth} are allowed`)
  }
  if (parts.some((part) => part === '' || part === '.' || part === '..' || /^\.git$/i.test(part))) {
    throw new Failure('unsafe-path', `the commit holds a file named ${JSON.stringify(path)}, which is not checked out`)
  }
}

function exceeded(what: string): Failure {
  return new Failure(
    'limit-exceeded',
    `the commit holds ${what}: remove them from the repository, or ask the administrator`
  )
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}
