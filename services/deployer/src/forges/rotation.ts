import { setTimeout as sleep } from 'node:timers/promises'
import type { RotatedWebhooks } from '@slipway/client'
import { Failure, type ForgeApi, type ForgeApp } from '@slipway/domain'
import type { ConnectDeps } from './connect.ts'
import type { RotateProjects } from './rotate-projects.ts'

/** New secrets and keys while everything goes on. */
export interface ForgeRotation {
  /** @throws Failure `not-found`, `conflict` for one that the environment has */
  webhookSecret(forgeId: string, signal: AbortSignal): Promise<RotatedWebhooks>
  /** @throws Failure `invalid-request` when the key does not open the App */
  privateKey(forgeId: string, pem: string, signal: AbortSignal): Promise<ForgeApp>
}

/** A receiver that has not heard of a new secret reads it when a delivery does not fit, but at most once a second. */
export const settleMs = 2500

export function createForgeRotation(
  deps: Pick<ConnectDeps, 'store' | 'credentials' | 'followed' | 'changed'> & {
    open(app: ForgeApp, privateKey: string): ForgeApi
    rotateProjects: RotateProjects
  }
): ForgeRotation {
  const { store, credentials, followed, changed, open, rotateProjects } = deps

  async function keptApp(forgeId: string): Promise<ForgeApp> {
    if (followed.isConfigured(forgeId)) {
      throw new Failure('conflict', `${forgeId} has its credentials in the environment: change them there and restart`)
    }
    const app = await store.forgeApps.get(forgeId)
    if (app === null) throw new Failure('not-found', `${forgeId} is not connected`)
    return app
  }

  return {
    async webhookSecret(forgeId, signal) {
      const kept = await keptApp(forgeId)
      if (kept.kind !== 'github') return rotateProjects(kept, signal)
      await followed.look()
      const api = followed.forges.get(forgeId)?.app
      if (api == null) throw new Failure('not-found', `${forgeId} is not connected`)
      const { secret, text } = await credentials.addWebhookSecret(forgeId)
      changed()
      await sleep(settleMs, undefined, { signal })
      await api.changeHook({ secret: text }, signal)
      await credentials.settleWebhookSecrets(forgeId, [secret])
      changed()
      return { projects: [], problems: [] }
    },
    async privateKey(forgeId, pem, signal) {
      const app = await keptApp(forgeId)
      if (app.kind !== 'github') {
        throw new Failure('unsupported', `${forgeId} has no App, and no key of one: it is called with a token`)
      }
      const found = await open(app, pem)
        .app?.describe(signal)
        .catch((err: unknown) => {
          if (!(err instanceof Failure) || err.code !== 'invalid-configuration') throw err
          throw new Failure('invalid-request', `this key does not open the App "${app.slug}"`, { cause: err })
        })
      if (found?.appId !== app.appId) throw new Failure('invalid-request', 'this is a key of another App')
      await credentials.replacePrivateKey(forgeId, pem)
      changed()
      await followed.look()
      return app
    }
  }
}
