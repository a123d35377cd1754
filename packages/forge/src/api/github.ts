import { Failure, type ForgeApi, type FoundRepository, type GitCredential, type Repository } from '@slipway/domain'
import Type from 'typebox'
import { cloneUrl, commitUrl, repositoryUrl } from '../addresses.ts'
import { orNull, readAnswer } from './answer.ts'
import { createGitHubApp, type GitHubApp, type GitHubAppConfig } from './github-app.ts'
import { createGitHubAppApi } from './github-app-api.ts'
import { createMissedDeliveries } from './github-deliveries.ts'
import { createInstallations, notInstalled, RepositoryAnswer, repositoryOf } from './github-installations.ts'
import { reportCheck, reportCommitStatus, type Target } from './github-report.ts'

export type GitHubApiConfig = GitHubAppConfig
type Installations = ReturnType<typeof createInstallations>

const RefAnswer = Type.Object({ object: Type.Object({ sha: Type.String({ pattern: '^[0-9a-f]{40,64}$' }) }) })

/** How long an App that may not write checks is taken at its word. */
const withoutChecksMs = 10 * 60_000

/** GitHub as a GitHub App sees it. @throws Failure `invalid-configuration` for a key that is none. */
export function createGitHubApi(config: GitHubApiConfig): ForgeApi {
  const { instance, now } = config
  const app = createGitHubApp(config)
  const installations = createInstallations(app)
  return {
    instance,
    cloneUrl: (repository) => cloneUrl(instance, repository),
    repositoryUrl: (repository) => repositoryUrl(instance, repository),
    commitUrl: (repository, commit) => commitUrl(instance, repository, commit),
    readCredential: (repository, signal) => readCredential(app, installations, repository, signal),
    findRepository: (repository, signal) => findRepository(app, installations, repository, signal),
    findInstallation: (installationId, signal) => installations.find(installationId, signal),
    app: createGitHubAppApi(app),
    identity: () => Promise.resolve(`app/${config.appId}`),
    ...createMissedDeliveries(app),

    async findHead(repository, ref, signal, urgency = 'now') {
      const installationId = await installations.require(repository, signal)
      const [owner, repo] = repository.fullName.split('/')
      const route = 'GET /repos/{owner}/{repo}/git/ref/{+ref}'
      const parts = ref.replace(/^refs\//, '').split('/')
      const parameters = { owner, repo, ref: parts.map(encodeURIComponent).join('/') }
      try {
        const data = await app.asked(installationId, route, parameters, signal, urgency)
        return readAnswer('GitHub', route, RefAnswer, data).object.sha
      } catch (err) {
        // 409 is what GitHub has for a repository that nobody pushed to yet.
        const isNone = err instanceof Failure && (err.code === 'not-found' || /repository is empty/i.test(err.message))
        if (isNone) return null
        throw err
      }
    },

    standing: () => app.standing(),

    report: createReport(app, installations, now)
  }
}

async function readCredential(
  app: GitHubApp,
  installations: Installations,
  repository: Repository,
  signal: AbortSignal
): Promise<GitCredential | null> {
  const { fullName, forgeRepositoryId, isPrivate } = repository
  const installationId = repository.installationId ?? (await installations.byName(fullName, signal))
  try {
    if (installationId === null) throw new Failure('not-found', 'there is no installation')
    const { token, expiresAt } = await app.readToken(installationId, forgeRepositoryId, signal)
    return { username: 'x-access-token', password: token, expiresAt }
  } catch (err) {
    // The installation is gone (404), or the repository is not part of it (422).
    if (!(err instanceof Failure) || (err.code !== 'not-found' && err.code !== 'invalid-request')) throw err
    if (isPrivate) throw notInstalled(fullName, err)
    return null
  }
}

async function findRepository(
  app: GitHubApp,
  installations: Installations,
  asked: { forgeRepositoryId: string; installationId: string | null; fullName: string | null },
  signal: AbortSignal
): Promise<FoundRepository | null> {
  // By id, which GitHub has always answered, though its OpenAPI names only the path by name: names pass to strangers.
  const route = 'GET /repositories/{repository_id}'
  const parameters = { repository_id: Number(asked.forgeRepositoryId) }
  const seenBy = async (installationId: string) => {
    const data = await orNull(app.asInstallation(installationId, null, route, parameters, signal))
    return data === null ? null : readAnswer('GitHub', route, RepositoryAnswer, data)
  }
  let found = asked.installationId === null ? null : await seenBy(asked.installationId)
  if (found === null) {
    // Transferred to an owner who has an installation of its own, or not known to be installed at all.
    const other = await installations.byName(asked.fullName, signal)
    found = other === null || other === asked.installationId ? null : await seenBy(other)
  }
  if (found === null) return null
  if (String(found.id) !== asked.forgeRepositoryId) {
    throw new Failure(
      'unavailable',
      `GitHub answered with repository ${found.id} instead of ${asked.forgeRepositoryId}`
    )
  }
  // A public repository is visible to every installation: which one it belongs to has to be asked.
  const installationId = await installations.byName(found.full_name, signal)
  const connection = installationId === null ? 'gone' : 'there'
  return { ...repositoryOf(found, installationId), isArchived: found.archived ?? false, connection }
}

function createReport(app: GitHubApp, installations: Installations, now: () => number): ForgeApi['report'] {
  /** Installations whose App may not write checks, and until when that is believed. */
  const withoutChecks = new Map<string, number>()

  return async function report(target: Target, signal: AbortSignal): Promise<string | null> {
    const { repository } = target
    const installationId = await installations.require(repository, signal)
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
