import type { ForgeHealth, InternalForges } from '@slipway/client'
import { Failure } from '@slipway/domain'

export const healthyForge: ForgeHealth = {
  forgeId: 'github',
  kind: 'github',
  url: 'https://forge.test',
  source: 'connected',
  mode: 'webhooks',
  reason: null,
  webhookUrl: 'https://slipway.test/webhooks/github',
  app: {
    id: '7',
    slug: 'slipway',
    owner: 'acme',
    url: 'https://forge.test/apps/slipway',
    installUrl: 'https://forge.test/apps/slipway/installations/new',
    settingsUrl: 'https://forge.test/settings/apps/slipway'
  },
  installations: [{ login: 'acme', isSuspended: false }],
  lastAttempt: null,
  problems: [],
  limits: [{ whose: 'acme', remaining: 4800, limit: 5000, resetAt: 4_102_444_800_000 }],
  lastError: { at: 1, message: 'GitHub gave no answer to GET /app' },
  checkedAt: 1
}

/** What `deployer` answers, in memory: one state that is good, one code that is. */
export function createInternalForgesForTest(): InternalForges & { asked: unknown[]; health: ForgeHealth } {
  const asked: unknown[] = []
  const known = (state: string) => {
    if (state !== 'the-state') throw new Failure('not-found', 'this address does not belong to an <attempt>')
  }
  const forges: ReturnType<typeof createInternalForgesForTest> = {
    asked,
    health: healthyForge,
    async beginConnection(wanted) {
      asked.push(wanted)
      return { id: 'c1', state: 'the-state', expiresAt: 100, mode: 'webhooks', reason: null }
    },
    async connectProject({ project, token, ...wanted }) {
      asked.push({ project, hasToken: token !== null, ...wanted })
      return {
        forgeId: 'gitlab',
        project,
        account: 'bot',
        mode: 'webhooks',
        reason: null,
        webhookUrl: 'https://slipway.test/webhooks/gitlab',
        hook: 'made',
        isDelivered: true,
        problems: []
      }
    },
    async connectionForm(state) {
      known(state)
      return { formUrl: 'https://forge.test/settings/apps/new?state=the-state', manifest: '{"name":"<Slipway>"}' }
    },
    async convertConnection(state, code) {
      known(state)
      if (code !== 'good') throw new Failure('conflict', 'the forge does not know the code')
      return { installUrl: 'https://forge.test/apps/slipway/installations/new' }
    },
    async lookForInstallations(forgeId) {
      asked.push(`installations of ${forgeId}`)
    },
    forgeHealth: async () => [forges.health],
    async rotateWebhookSecret(forgeId) {
      asked.push(`webhook secret of ${forgeId}`)
      return { projects: [], problems: [] }
    },
    async replaceAppKey(forgeId) {
      asked.push(`key of ${forgeId}`)
      return { slug: 'slipway', htmlUrl: 'https://forge.test/apps/slipway' }
    }
  }
  return forges
}
