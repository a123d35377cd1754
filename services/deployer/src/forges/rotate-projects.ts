import { setTimeout as sleep } from 'node:timers/promises'
import type { ForgeProblem, RotatedWebhooks } from '@slipway/client'
import { Failure, type ForgeApp, type Repository, type Store } from '@slipway/domain'
import type { GitLabHooks } from '@slipway/forge'
import type { ConnectDeps } from './connect.ts'
import { modeFor, webhookUrlOf } from './connect.ts'
import type { WebhookTokens } from './credentials.ts'

/** Gives the webhook of every project of a forge other tokens. */
export type RotateProjects = (app: ForgeApp, signal: AbortSignal) => Promise<RotatedWebhooks>

export interface RotateProjectsDeps extends Pick<ConnectDeps, 'credentials' | 'addresses' | 'changed'> {
  store: Pick<Store, 'repositories'>
  hooksOf(app: ForgeApp, token: string): Pick<GitLabHooks, 'change' | 'test'>
  /** How long receivers may take to hear of a secret. */
  settleMs: number
}

const atOnce = 4

/**
 * The former tokens are accepted until every webhook was changed and tried, and for another day. Where one could not be, they go on being
 * accepted, and whoever calls again gives all of them new ones.
 */
export function createRotateProjects(deps: RotateProjectsDeps): RotateProjects {
  const { store, credentials, addresses, changed, hooksOf, settleMs } = deps

  async function connected(forgeId: string): Promise<Repository[]> {
    const found: Repository[] = []
    for (let before: string | null = null; ; ) {
      const page: Repository[] = await store.repositories.list(null, { before, limit: 200 })
      found.push(...page.filter((one) => one.forgeId === forgeId && one.disconnectedAt === null))
      before = page.at(-1)?.id ?? null
      if (before === null) return found
    }
  }

  return async (app, signal) => {
    const { forgeId, baseUrl } = app
    const { mode, reason } = modeFor(addresses, baseUrl, null)
    const url = mode === 'webhooks' ? webhookUrlOf(addresses, forgeId) : null
    if (url === null) throw new Failure('conflict', `${forgeId} has no webhook that leads here: ${reason}`)
    const api = hooksOf(app, (await credentials.opener(app)).text)
    const { secrets, tokens } = await credentials.addWebhookTokens(forgeId)
    changed()
    // A receiver that has not heard of a secret yet would refuse what is signed with it.
    await sleep(settleMs, undefined, { signal })

    const left = await connected(forgeId)
    const projects: string[] = []
    const problems: ForgeProblem[] = []
    const work = async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const said = await changeOne(api, one, { url, tokens }, signal)
        if (said === 'changed') projects.push(one.fullName)
        else if (said !== 'none') problems.push(said)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    if (problems.length === 0) {
      await credentials.settleWebhookSecrets(forgeId, secrets)
      changed()
    }
    return { projects: projects.toSorted(), problems }
  }
}

/** `none`: the project has no webhook that leads here, and nothing is signed there. */
async function changeOne(
  api: Pick<GitLabHooks, 'change' | 'test'>,
  { forgeRepositoryId, fullName }: Repository,
  { url, tokens }: { url: string; tokens: WebhookTokens },
  signal: AbortSignal
): Promise<'changed' | 'none' | ForgeProblem> {
  const fix = `mend it, and call again; "slipway connect gitlab ${fullName}" says more`
  try {
    const hook = await api.change(forgeRepositoryId, { url, signingToken: tokens.signing, token: tokens.plain }, signal)
    if (hook === null) return 'none'
    const said = await api.test(forgeRepositoryId, hook.id, signal)
    if (said === null || /at least one commit/i.test(said)) return 'changed'
    return { what: 'delivery', message: `the webhook of ${fullName} was changed, and does not deliver: ${said}`, fix }
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof Failure)) throw err
    return { what: 'hook', message: `the webhook of ${fullName} could not be changed: ${err.message}`, fix }
  }
}
