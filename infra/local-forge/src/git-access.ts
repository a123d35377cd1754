import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from './core.ts'
import type { ForgeForm } from './form.ts'
import type { GitRequest } from './git-http.ts'
import { hasPermission } from './tokens.ts'

const gitPath = /^\/(.+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/

export function isGitPath(url: string): boolean {
  return gitPath.test(pathOf(url))
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

export type GitAuthorization =
  | { isGranted: true; git: GitRequest }
  | { isGranted: false; refuse(reply: FastifyReply): FastifyReply }

/**
 * Who may read and push, by a forge's rules: anybody reads what is public; a private repository is not there for a token of another;
 * a push needs a token that may write. The repository is looked up by name in what was created: a path never reaches the disk.
 */
export function authorizeGit(request: FastifyRequest, core: Core, form: ForgeForm): GitAuthorization {
  const { repositories, tokens, accounts, address } = core
  const [, fullName = '', endpoint = ''] = gitPath.exec(pathOf(request.url)) ?? []
  const query = request.query as Record<string, string | undefined>
  const service = endpoint === 'info/refs' ? query.service : endpoint
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') {
    return refuse(403, 'Please upgrade your git client: only the smart HTTP protocol is served.')
  }
  if (request.method !== (endpoint === 'info/refs' ? 'GET' : 'POST')) return refuse(405, 'Method Not Allowed')

  const given = basicPassword(request.headers.authorization)
  const token = given === null ? null : tokens.find(given)
  const repository = repositories.byName(fullName)
  const isVisible = repository !== null && (!repository.isPrivate || (token !== null && form.covers(token, repository)))
  // Without a valid token nobody learns whether there is such a repository.
  if (token === null && (given !== null || !isVisible || service === 'git-receive-pack')) return challenge
  if (!isVisible) return refuse(404, 'Repository not found.')
  if (repository.fullName.toLowerCase() !== fullName.toLowerCase()) {
    const location = `${address().url}/${repository.fullName}.git/${endpoint}?service=${service}`
    return { isGranted: false, refuse: (reply) => reply.redirect(location, 301) }
  }
  const isWrite = service === 'git-receive-pack'
  const mayUse =
    token !== null && form.covers(token, repository) && hasPermission(token, 'contents', isWrite ? 'write' : 'read')
  if (!mayUse && (isWrite || repository.isPrivate)) return refuse(403, `Write access to repository not granted.`)
  if (isWrite && repository.isArchived) return refuse(403, 'This repository was archived so it is read-only.')
  return {
    isGranted: true,
    git: {
      repository,
      endpoint: endpoint as GitRequest['endpoint'],
      service,
      login: token === null ? null : accounts.byId(token.accountId).login,
      isFrozen: repositories.isFrozen(repository.id)
    }
  }
}

const challenge: GitAuthorization = {
  isGranted: false,
  refuse: (reply) =>
    reply
      .code(401)
      .header('www-authenticate', 'Basic realm="local forge", charset="UTF-8"')
      .type('text/plain')
      .send('Authentication required.\n')
}

function refuse(status: number, text: string): GitAuthorization {
  return { isGranted: false, refuse: (reply) => reply.code(status).type('text/plain').send(`${text}\n`) }
}

/** Any user name goes with a token, as at both forges. */
function basicPassword(authorization: string | undefined): string | null {
  const encoded = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return null
  const pair = Buffer.from(encoded, 'base64').toString()
  return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : pair
}
