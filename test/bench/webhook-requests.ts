import { createHash, createHmac } from 'node:crypto'
import { createRequire } from 'node:module'

/** A whole request, put together when it is asked for. */
export type Prepared = () => Buffer

const sizeBytes = 10_000
const placeholder = '0'.repeat(40)

/**
 * Signed pushes to one repository as GitHub would deliver them, each with a delivery id of its own and a commit of its own,
 * of about 10 KB each. The same index gives the same push, so that two servers can be sent the same ones.
 */
export function createRequests(url: string, secret: string): (index: number) => Prepared {
  const { host, pathname } = new URL(url)
  const pieces = payload()
    .split(placeholder)
    .map((piece) => Buffer.from(piece))

  function bodyOf(commit: Buffer): Buffer {
    return Buffer.concat(pieces.flatMap((piece, i) => (i === 0 ? [piece] : [commit, piece])))
  }

  // Signed now, kept without what is the same for all: ten thousand bodies would be much memory.
  return (index) => {
    const commit = Buffer.from(createHash('sha1').update(`commit ${index}`).digest('hex'))
    const body = bodyOf(commit)
    const id = createHash('md5').update(`delivery ${index}`).digest('hex')
    const head = [
      `POST ${pathname} HTTP/1.1`,
      `host: ${host}`,
      'user-agent: GitHub-Hookshot/benchmark',
      'content-type: application/json',
      `content-length: ${body.length}`,
      'x-github-event: push',
      `x-github-delivery: ${id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`,
      `x-hub-signature-256: sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      '\r\n'
    ].join('\r\n')
    return () => Buffer.concat([Buffer.from(head, 'latin1'), bodyOf(commit)])
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
