import { createHash, createHmac } from 'node:crypto'
import { createRequire } from 'node:module'

/** One push, as GitHub would deliver it. */
export interface SignedRequest {
  headers: Record<string, string>
  body: Buffer
}

const sizeBytes = 10_000
const placeholder = '0'.repeat(40)

/**
 * Signed pushes to one repository, each with a delivery id of its own and a commit of its own, of about 10 KB each.
 * The same index gives the same request, so that two servers can be sent the same ones.
 */
export function createRequests(secret: string): { prepare(index: number): () => SignedRequest } {
  const [before = '', ...rest] = payload().split(placeholder)
  const pieces = [before, ...rest].map((piece) => Buffer.from(piece))

  function bodyOf(commit: Buffer): Buffer {
    return Buffer.concat(pieces.flatMap((piece, i) => (i === 0 ? [piece] : [commit, piece])))
  }

  return {
    /** Signs, and keeps only what differs: the body is put together when it is sent. */
    prepare(index) {
      const commit = Buffer.from(createHash('sha1').update(`commit ${index}`).digest('hex'))
      const id = createHash('md5').update(`delivery ${index}`).digest('hex')
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'GitHub-Hookshot/benchmark',
        'x-github-event': 'push',
        'x-github-delivery': id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(bodyOf(commit)).digest('hex')}`
      }
      return () => ({ headers, body: bodyOf(commit) })
    }
  }
}

interface Push extends Record<string, unknown> {
  repository: { default_branch: string }
  commits: unknown[]
}

/** A push that GitHub sent once, to its default branch, its commits repeated up to the size. The new head is a placeholder. */
function payload(): string {
  const require = createRequire(import.meta.url)
  const recorded = require('@octokit/webhooks-examples') as { name: string; examples: Push[] }[]
  const example = recorded.find(({ name }) => name === 'push')?.examples.find(({ commits }) => commits.length > 0)
  if (example === undefined) throw new Error('there is no recorded push')
  const [commit] = example.commits
  const push: Push = {
    ...example,
    ref: `refs/heads/${example.repository.default_branch}`,
    before: '1'.repeat(40),
    after: placeholder,
    created: false,
    deleted: false,
    head_commit: { ...(commit as object), id: placeholder }
  }
  while (JSON.stringify(push).length < sizeBytes) push.commits = [...push.commits, commit]
  return JSON.stringify(push)
}
