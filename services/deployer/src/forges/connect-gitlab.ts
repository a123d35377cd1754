import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectedProject, ForgeProblem } from '@slipway/client'
import { Failure, type ForgeApp, type ForgeInstance } from '@slipway/domain'
import { createGitLabHooks, type GitLabHooks, gitlabInstanceAt } from '@slipway/forge'
import { type ConnectDeps, modeFor, webhookUrlOf } from './connect.ts'
import { newSigningToken, newWebhookSecret, type WebhookTokens } from './credentials.ts'
import { checkAddress, wayOf } from './health.ts'
import { settleMs } from './rotation.ts'

export type ConnectGitLab = (
  wanted: { project: string; token: string | null; url: string | null; replace: boolean },
  signal: AbortSignal
) => Promise<ConnectedProject & { forgeRepositoryId: string }>

export interface ConnectGitLabDeps
  extends Pick<ConnectDeps, 'store' | 'credentials' | 'followed' | 'addresses' | 'forgeTimeoutMs' | 'changed' | 'now'> {
  /** Of the GitLab that is meant when none is named. */
  gitlab: ForgeInstance
}

/**
 * Connects one project: keeps the token, makes the hook and has GitLab try it. Called again it does what is left to do.
 *
 * @throws Failure that says what to do, before anything was kept
 */
export function createConnectGitLab(deps: ConnectGitLabDeps): ConnectGitLab {
  const { store, credentials, followed, gitlab, addresses, forgeTimeoutMs, changed, now } = deps

  async function knownApp(instance: ForgeInstance): Promise<ForgeApp | null> {
    const { forgeId, baseUrl } = instance
    if (followed.isConfigured(forgeId)) {
      throw new Failure(
        'conflict',
        `${forgeId} has its token in the environment (GITLAB_TOKEN), which wins: unset it to connect projects here`
      )
    }
    const known = await store.forgeApps.get(forgeId)
    if (known !== null && known.baseUrl !== baseUrl) {
      throw new Failure('conflict', `${forgeId} is connected to ${known.baseUrl}: there is room for one of them`)
    }
    return known
  }

  async function accountOf(api: GitLabHooks, known: ForgeApp | null, replace: boolean, signal: AbortSignal) {
    const account = await api.account(signal).catch((err: unknown) => {
      if (!(err instanceof Failure) || err.code !== 'invalid-configuration') throw err
      throw new Failure('invalid-request', `GitLab does not take the token: ${err.message}`, { cause: err })
    })
    if (known === null || known.appId === account.id || replace) return account
    throw new Failure(
      'conflict',
      `what is connected so far goes by the token of ${known.ownerLogin}: leave yours out, or put it in its place with --replace (it needs every project then)`
    )
  }

  /** Keeps what is new; returns what hooks sign with, and whether receivers have to hear of it first. */
  async function keep(
    instance: ForgeInstance,
    { known, account, token }: { known: ForgeApp | null; account: Account; token: string | null }
  ): Promise<{ tokens: WebhookTokens; isNew: boolean }> {
    const kept = known === null ? null : await credentials.webhookTokens(instance.forgeId)
    if (known !== null && token === null && kept !== null) return { tokens: kept, isNew: false }
    const tokens = kept ?? { signing: newSigningToken(), plain: newWebhookSecret() }
    const { id: appId, login: slug, url: htmlUrl } = account
    const about = { appId, slug, htmlUrl, ownerLogin: slug, isOrganization: false, clientId: null, isHookActive: true }
    const accessToken = token ?? (await credentials.opener({ ...instance })).text
    await credentials.keepToken(
      { ...instance, ...about, createdAt: now() },
      { accessToken, tokens },
      known?.appId ?? null
    )
    changed()
    await followed.look()
    return { tokens, isNew: kept === null }
  }

  /** null: GitLab delivered, or has nothing to deliver yet. */
  async function tried(
    api: GitLabHooks,
    { projectId, hookId, webhookUrl }: { projectId: string; hookId: number; webhookUrl: string },
    signal: AbortSignal
  ): Promise<{ isDelivered: boolean; problem: ForgeProblem | null }> {
    const said = await api.test(projectId, hookId, signal)
    if (said === null) return { isDelivered: true, problem: null }
    if (/at least one commit/i.test(said)) return { isDelivered: false, problem: null }
    return { isDelivered: false, problem: problemOf(said) ?? (await checkAddress(webhookUrl, signal)) ?? other(said) }
  }

  return async ({ project, token, url, replace }, signal) => {
    const instance = url === null ? gitlab : gitlabInstanceAt(gitlab.forgeId, url)
    const { forgeId, baseUrl } = instance
    const known = await knownApp(instance)
    if (known === null && token === null) {
      throw new Failure(
        'invalid-request',
        'a token is needed: of an account that may administer the project, scope api'
      )
    }
    const text = token ?? (await credentials.opener(instance)).text
    const api = createGitLabHooks({ instance, token: text, timeoutMs: forgeTimeoutMs, now })
    const account = await accountOf(api, known, replace, signal)
    const found = await api.project(project, signal)
    if (found === null) {
      const message = `${baseUrl} shows ${account.login} no project ${project}: write its whole path, group/project`
      throw new Failure('not-found', message)
    }
    const mode = modeFor(addresses, baseUrl, null)
    const webhookUrl = mode.mode === 'webhooks' ? webhookUrlOf(addresses, forgeId) : null
    const about = { forgeId, project: found.fullName, account: account.login, ...mode, webhookUrl }
    const nothing = { ...about, forgeRepositoryId: found.id, hook: null, isDelivered: false }
    if (webhookUrl !== null && !(await api.isAllowed(found.id, signal))) {
      return { ...nothing, problems: [notAllowed(account.login, found.fullName)] }
    }
    const { tokens, isNew } = await keep(instance, { known, account, token })
    if (webhookUrl === null) return { ...nothing, problems: [] }
    // A receiver that has not heard of a secret yet would refuse what is signed with it.
    if (isNew) await sleep(settleMs, undefined, { signal })
    const wanted = { url: webhookUrl, signingToken: tokens.signing, token: tokens.plain }
    const hook = await api.put(found.id, wanted, signal)
    const { isDelivered, problem } = await tried(api, { projectId: found.id, hookId: hook.id, webhookUrl }, signal)
    const problems = [...(hook.isTold ? [] : [untold(found.fullName)]), ...(problem === null ? [] : [problem])]
    return { ...nothing, hook: hook.isNew ? 'made' : 'renewed', isDelivered, problems }
  }
}

type Account = Awaited<ReturnType<GitLabHooks['account']>>

function notAllowed(login: string, project: string): ForgeProblem {
  const message = `the token of ${login} may not make a webhook of ${project}`
  return { what: 'permissions', message, fix: 'it takes the role Maintainer in the project, and the scope api' }
}

function untold(project: string): ForgeProblem {
  const message = `the webhook of ${project} is not told of pushes and tags`
  return { what: 'events', message, fix: 'set these triggers on its page at GitLab' }
}

/** What GitLab's own words name; null: it is looked from here. */
function problemOf(said: string): ForgeProblem | null {
  if (/blocked|local network/i.test(said)) {
    const message = `GitLab does not call addresses of its own network: ${said}`
    const fix = 'its administrator allows it: Admin, Settings, Network, Outbound requests'
    return { what: 'address', message, fix }
  }
  if (said.includes('invalid-signature')) {
    const message = 'the receiver knows another secret'
    return { what: 'secret', message, fix: 'is it another installation? Look at PUBLIC_URL, then connect again' }
  }
  const what = wayOf(said)
  return what === 'address'
    ? null
    : { what, message: `GitLab could not deliver: ${said}`, fix: 'mend it, and connect again' }
}

function other(said: string): ForgeProblem {
  const fix = 'look at what stands before the receiver, and at the webhook’s page at GitLab; then connect again'
  return { what: 'delivery', message: `GitLab could not deliver: ${said}`, fix }
}
