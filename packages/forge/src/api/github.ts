import { Failure, type ForgeApi, type ForgeRepository, isValidFullName } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { cloneUrl, commitUrl, repositoryUrl } from '../addresses.ts'
import { ForgeId, orNull, readAnswer } from './answer.ts'
import { createGitHubApp, type GitHubAppConfig } from './github-app.ts'
import { reportCheck, reportCommitStatus } from './github-report.ts'

export type GitHubApiConfig = GitHubAppConfig

const RepositoryAnswer = Type.Object({
  id: ForgeId,
  name: Type.String({ minLength: 1 }),
  full_name: Type.String({ minLength: 3 }),
  private: Type.Boolean(),
  archived: Type.Optional(Type.Boolean()),
  default_branch: Type.String({ minLength: 1 }),
  owner: Type.Object({ id: ForgeId, login: Type.String({ minLength: 1 }) })
})
const InstallationAnswer = Type.Object({
  id: ForgeId,
  suspended_at: Type.Optional(Type.Union([Type.String(), Type.Null()]))
})
const RefAnswer = Type.Object({ object: Type.Object({ sha: Type.String({ pattern: '^[0-9a-f]{40,64}$' }) }) })
const RepositoriesAnswer = Type.Object({ total_count: Type.Integer(), repositories: Type.Array(RepositoryAnswer) })

const pageSize = 100
/** How long an App that may not write checks is taken at its word. */
const withoutChecksMs = 10 * 60_000

function repositoryOf(answer: Static<typeof RepositoryAnswer>, installationId: string | null): ForgeRepository {
  return {
    forgeRepositoryId: String(answer.id),
    name: answer.name,
    fullName: answer.full_name,
    defaultBranch: answer.default_branch,
    isPrivate: answer.private,
    owner: { forgeOwnerId: String(answer.owner.id), login: answer.owner.login },
    installationId
  }
}

/** GitHub as a GitHub App sees it. */
export function createGitHubApi(config: GitHubApiConfig): ForgeApi {
  const { instance, now } = config
  const app = createGitHubApp(config)
  /** Installations whose App may not write checks, and until when that is believed. */
  const withoutChecks = new Map<string, number>()

  /** Which installation a repository belongs to now, by its name. null when the App is not installed on it. */
  async function installationOf(fullName: string | null, signal: AbortSignal): Promise<string | null> {
    if (fullName === null || !isValidFullName(fullName)) return null
    const [owner, repo] = fullName.split('/')
    const route = 'GET /repos/{owner}/{repo}/installation'
    const data = await orNull(app.asApp(route, { owner, repo }, signal))
    return data === null ? null : String(readAnswer('GitHub', route, InstallationAnswer, data).id)
  }

  async function installed(repository: { installationId: string | null; fullName: string }, signal: AbortSignal) {
    const installationId = repository.installationId ?? (await installationOf(repository.fullName, signal))
    if (installationId !== null) return installationId
    const message = `the GitHub App is not installed on ${repository.fullName}: install it there`
    throw new Failure('forbidden', message)
  }

  return {
    instance,
    cloneUrl: (repository) => cloneUrl(instance, repository),
    repositoryUrl: (repository) => repositoryUrl(instance, repository),
    commitUrl: (repository, commit) => commitUrl(instance, repository, commit),

    async readCredential(repository, signal) {
      const installationId = repository.installationId ?? (await installationOf(repository.fullName, signal))
      if (installationId === null && !repository.isPrivate) return null
      const { token, expiresAt } = await app.readToken(
        installationId ?? (await installed(repository, signal)),
        repository.forgeRepositoryId,
        signal
      )
      return { username: 'x-access-token', password: token, expiresAt }
    },

    async findRepository({ forgeRepositoryId, installationId, fullName }, signal) {
      // By id, which GitHub has always answered and octokit itself relies on, though its OpenAPI names only the path by name.
      const route = 'GET /repositories/{repository_id}'
      const find = async (installation: string) => {
        const data = await orNull(
          app.asInstallation(installation, null, route, { repository_id: Number(forgeRepositoryId) }, signal)
        )
        return data === null ? null : readAnswer('GitHub', route, RepositoryAnswer, data)
      }
      let found = installationId === null ? null : await find(installationId)
      if (found === null) {
        // Transferred to an owner who has an installation of its own, or not known to be installed at all.
        const other = await installationOf(fullName, signal)
        found = other === null || other === installationId ? null : await find(other)
      }
      if (found === null) return null
      if (String(found.id) !== forgeRepositoryId) {
        throw new Failure('unavailable', `GitHub answered with repository ${found.id} instead of ${forgeRepositoryId}`)
      }
      // A public repository is visible to every installation: which one it belongs to has to be asked.
      const current = await installationOf(found.full_name, signal)
      return { ...repositoryOf(found, current), isArchived: found.archived ?? false }
    },

    async findHead(repository, ref, signal) {
      const installationId = await installed(repository, signal)
      const [owner, repo] = repository.fullName.split('/')
      const route = 'GET /repos/{owner}/{repo}/git/ref/{+ref}'
      const name = ref
        .replace(/^refs\//, '')
        .split('/')
        .map(encodeURIComponent)
        .join('/')
      const parameters = { owner, repo, ref: name }
      const { forgeRepositoryId } = repository
      const data = await orNull(app.asInstallation(installationId, forgeRepositoryId, route, parameters, signal))
      return data === null ? null : readAnswer('GitHub', route, RefAnswer, data).object.sha
    },

    async findInstallation(installationId, signal) {
      const route = 'GET /app/installations/{installation_id}'
      const data = await orNull(app.asApp(route, { installation_id: Number(installationId) }, signal))
      if (data === null) return null
      const isSuspended = typeof readAnswer('GitHub', route, InstallationAnswer, data).suspended_at === 'string'
      // GitHub gives no token to a suspended installation, so there is nothing to ask with.
      if (isSuspended) return { isSuspended, repositories: [] }
      const repositories: ForgeRepository[] = []
      for (let page = 1; ; page += 1) {
        const list = 'GET /installation/repositories'
        const answer = await app.asInstallation(installationId, null, list, { per_page: pageSize, page }, signal)
        const { repositories: found } = readAnswer('GitHub', list, RepositoriesAnswer, answer)
        repositories.push(...found.map((one) => repositoryOf(one, installationId)))
        if (found.length < pageSize) return { isSuspended, repositories }
      }
    },

    async report(target, signal) {
      const { repository } = target
      const installationId = await installed(repository, signal)
      const call = (route: string, parameters: Record<string, unknown>) =>
        app.asInstallation(installationId, repository.forgeRepositoryId, route, parameters, signal)
      if ((withoutChecks.get(installationId) ?? 0) <= now()) {
        try {
          return await reportCheck(call, target, now())
        } catch (err) {
          if (!(err instanceof Failure) || err.code !== 'forbidden' || !/not accessible/i.test(err.message)) throw err
          withoutChecks.set(installationId, now() + withoutChecksMs)
        }
      }
      await reportCommitStatus(call, target)
      return null
    }
  }
}
