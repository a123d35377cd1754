import { Failure, type ForgeRepository, isValidFullName } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { ForgeId, orNull, readAnswer } from './answer.ts'
import type { GitHubApp } from './github-app.ts'

export const RepositoryAnswer = Type.Object({
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
const RepositoriesAnswer = Type.Object({ repositories: Type.Array(RepositoryAnswer) })

const pageSize = 100

export function repositoryOf(answer: Static<typeof RepositoryAnswer>, installationId: string | null): ForgeRepository {
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

/** Where the App is installed, and what it may see there. */
export function createInstallations(app: GitHubApp) {
  /** Which installation a repository belongs to now, by its name. null when the App is not installed on it. */
  async function byName(fullName: string | null, signal: AbortSignal): Promise<string | null> {
    if (fullName === null || !isValidFullName(fullName)) return null
    const [owner, repo] = fullName.split('/')
    const route = 'GET /repos/{owner}/{repo}/installation'
    const data = await orNull(app.asApp(route, { owner, repo }, signal))
    return data === null ? null : String(readAnswer('GitHub', route, InstallationAnswer, data).id)
  }

  return {
    byName,

    /** @throws Failure `forbidden` when the App is not installed on the repository. */
    async require(
      repository: { installationId: string | null; fullName: string },
      signal: AbortSignal
    ): Promise<string> {
      const installationId = repository.installationId ?? (await byName(repository.fullName, signal))
      if (installationId !== null) return installationId
      throw notInstalled(repository.fullName)
    },

    async find(installationId: string, signal: AbortSignal) {
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
    }
  }
}

export function notInstalled(fullName: string, cause?: unknown): Failure {
  return new Failure('forbidden', `the GitHub App is not installed on ${fullName}: install it there`, { cause })
}
