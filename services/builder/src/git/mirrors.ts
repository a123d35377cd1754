import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, type GitCredential, isCommit, isValidRef } from '@slipway/domain'
import type { Logger } from '@slipway/service'
import { tryLock, waitForLock } from '@slipway/service/file-lock'
import { createCheckout, removeTree } from './checkout.ts'
import { createGit } from './git.ts'
import { type GitProtocol, prepareHome } from './home.ts'
import { createMirror, type Mirror } from './mirror.ts'
import { type Swept, sweep } from './sweep.ts'
import { createTemplateRepositories } from './template-repositories.ts'
import { defaultTreeLimits, type TreeLimits } from './tree.ts'

export interface MirrorsOptions {
  /** Kept from one start to the next; may be shared by several builders of one machine. */
  root: string
  logger: Logger
  now: () => number
  /** `PATH`, and what the network needs: proxies, certificates. Default: the usual directories. */
  environment?: Record<string, string>
  protocols?: readonly GitProtocol[]
  /** For one git command. */
  timeoutMs?: number
  limits?: Partial<TreeLimits & { mirrorBytes: number }>
  /** A template repository is asked for news when it was last asked so long ago. */
  templateMaxAgeMs?: number
  /** A mirror that nobody used for so long is removed. */
  keepMs?: number
  /** All mirrors together; beyond it those go that were not used for longest. */
  keepBytes?: number
}

export interface FetchRequest {
  repositoryId: string
  cloneUrl: string
  /** Full ref: `refs/heads/main`. */
  ref: string
  credential: GitCredential | null
  /** A commit that is needed as well, whether the ref still leads to it or not (a rebuild). */
  extraCommit?: string
}

/** The files of one commit, and nothing else: no `.git`. Gone when disposed. */
export interface Checkout extends AsyncDisposable {
  path: string
  /** The commit's message. */
  message: string
}

export interface Mirrors extends AsyncDisposable {
  /**
   * Brings the mirror up to date and tells which commit the ref points to at the forge now; null when there is no such ref.
   * An `extraCommit` that the forge does not have is not an error here: `hasCommit` tells.
   *
   * @throws Failure `forbidden`, `not-found`, `limit-exceeded`, `rate-limited`, `unavailable`
   */
  fetchHead(request: FetchRequest, signal: AbortSignal): Promise<string | null>
  hasCommit(repositoryId: string, commit: string, signal: AbortSignal): Promise<boolean>
  /** Paths that differ between two commits; null when the former one is not here any more. */
  changedPaths(of: { repositoryId: string; from: string; to: string }, signal: AbortSignal): Promise<string[] | null>
  /**
   * Writes exactly the files of a fetched commit, byte for byte, into a directory of their own.
   *
   * @throws Failure `commit-not-found`, `limit-exceeded`, `unsafe-path`, `unavailable`
   */
  checkout(of: { repositoryId: string; commit: string }, signal: AbortSignal): Promise<Checkout>
  /** An empty folder for a build whose files come from elsewhere. It goes with the builder, if not before. */
  emptyCheckout(): Promise<Checkout>
  /**
   * The files of a template repository, kept between builds and not to be written to. The caller decides which addresses are allowed.
   *
   * @param ref branch, tag or commit; null for the repository's default branch
   */
  fetchTemplateRepository(
    url: string,
    ref: string | null,
    signal: AbortSignal
  ): Promise<{ path: string; commit: string }>
  /** Removes what builders that are gone have left, and mirrors beyond what is kept. Nothing that is in use. */
  sweep(signal: AbortSignal): Promise<Swept>
  close(): Promise<void>
}

/** Mirrors of the repositories that are built here. Sweeps what builders that are gone have left. */
export async function createMirrors(options: MirrorsOptions): Promise<Mirrors> {
  const { root, logger, now, environment = {}, protocols = ['http', 'https'], timeoutMs = 5 * 60_000 } = options
  const limits = { ...defaultTreeLimits, mirrorBytes: 2 * 1024 ** 3, ...options.limits }
  const home = join(root, 'home')
  const repositories = join(root, 'repositories')
  const instance = join(root, 'checkouts', randomUUID())
  await mkdir(repositories, { recursive: true, mode: 0o700 })
  await mkdir(dirname(instance), { recursive: true, mode: 0o700 })
  // Before there is a directory: another builder that sweeps takes one without a lock for a left-over.
  const presence = await tryLock(`${instance}.lock`)
  await mkdir(instance, { mode: 0o700 })
  await prepareHome(home, protocols)
  const keep = { ms: options.keepMs ?? 30 * 24 * 3600_000, bytes: options.keepBytes ?? Infinity }
  const sweepNow = (signal: AbortSignal) => sweep(root, keep, now(), signal)
  const swept = await sweepNow(new AbortController().signal)
  if (swept.count > 0) logger.info(swept, 'left-overs of earlier builders removed')
  const git = createGit({ home, protocols, environment, timeoutMs })

  const mirrorOf = (id: string): Mirror => {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) throw new Failure('invalid-request', 'a repository id is not a name')
    return createMirror({ git, directory: join(repositories, `${id}.git`), limitBytes: limits.mirrorBytes, logger })
  }

  async function withMirror<T>(id: string, signal: AbortSignal, use: (mirror: Mirror) => Promise<T>): Promise<T> {
    const mirror = mirrorOf(id)
    await using _lock = await waitForLock(join(repositories, `${id}.lock`), signal)
    return await use(mirror)
  }

  async function fetchHead(request: FetchRequest, signal: AbortSignal): Promise<string | null> {
    const { repositoryId, ref, credential, extraCommit } = request
    const url = parseUrl(request.cloneUrl, protocols)
    if (!isValidRef(ref)) throw new Failure('invalid-request', `${JSON.stringify(ref)} is not a valid ref`)
    if (extraCommit !== undefined) assertCommit(extraCommit)
    return withMirror(repositoryId, signal, async (mirror) => {
      const head = await mirror.fetch({ url, ref, credential }, signal)
      if (extraCommit !== undefined && extraCommit !== head) {
        await mirror.fetchCommit({ url, ref: head === null ? null : ref, credential, commit: extraCommit }, signal)
      }
      return head
    })
  }

  const checkout = createCheckout({ git, limits })
  const templates = createTemplateRepositories({
    directory: join(root, 'templates'),
    maxAgeMs: options.templateMaxAgeMs ?? 3600_000,
    now,
    logger,
    parseUrl: (url) => parseUrl(url, protocols),
    withMirror,
    checkout
  })
  const close = async () => {
    await removeTree(instance)
    await presence?.release()
  }

  return {
    fetchHead,
    async hasCommit(repositoryId, commit, signal) {
      assertCommit(commit)
      return withMirror(repositoryId, signal, (mirror) => mirror.hasCommit(commit, signal))
    },
    async changedPaths({ repositoryId, from, to }, signal) {
      for (const commit of [from, to]) assertCommit(commit)
      return withMirror(repositoryId, signal, (mirror) => mirror.changedPaths(from, to, signal))
    },
    async checkout({ repositoryId, commit }, signal) {
      assertCommit(commit)
      const directory = join(instance, randomUUID())
      const message = await withMirror(repositoryId, signal, (mirror) => checkout(mirror, commit, directory, signal))
      const path = join(directory, 'tree')
      return { path, message, [Symbol.asyncDispose]: () => removeTree(directory) }
    },
    async emptyCheckout() {
      const directory = join(instance, randomUUID())
      const path = join(directory, 'tree')
      await mkdir(path, { recursive: true, mode: 0o755 })
      return { path, message: '', [Symbol.asyncDispose]: () => removeTree(directory) }
    },
    fetchTemplateRepository: templates.fetch,
    sweep: sweepNow,
    close,
    [Symbol.asyncDispose]: close
  }
}

function assertCommit(commit: string): void {
  if (!isCommit(commit)) {
    throw new Failure('commit-not-found', `${JSON.stringify(commit.slice(0, 80))} is not a full commit id`)
  }
}

/** @throws Failure `invalid-request` for what git would read as an option, a command or another transport */
function parseUrl(text: string, protocols: readonly GitProtocol[]): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !protocols.some((name) => url.protocol === `${name}:`) || url.hostname === '') {
    throw new Failure('invalid-request', `a repository's address must begin with ${protocols.join(':// or ')}://`)
  }
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:')) {
    throw new Failure('invalid-request', "a repository's address must not hold a credential")
  }
  return url
}
