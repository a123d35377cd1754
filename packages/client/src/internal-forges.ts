import type { ConnectedProject, ForgeHealth, RotatedWebhooks } from './forge-resources.ts'
import { fillPath } from './internal-path.ts'

/** How a forge's news come: it delivers them, or it is asked. */
export interface BegunConnection {
  id: string
  /** What the forge sends back. Who has it may go on with the attempt. */
  state: string
  expiresAt: number
  mode: 'webhooks' | 'polling'
  reason: string | null
}

/** What concerns forges: `deployer` alone holds their credentials. */
export interface InternalForges {
  /** @throws Failure `conflict` for a forge that is connected, or configured in the environment */
  beginConnection(
    wanted: {
      organization: string | null
      url: string | null
      replace: boolean
      isPublic: boolean
      /** Where people reach our pages. */
      pagesUrl: string
      by: string
    },
    signal: AbortSignal
  ): Promise<BegunConnection>
  /** @throws Failure `conflict`, `not-found`, `invalid-request` that says what to do, before anything was kept */
  connectProject(
    wanted: { project: string; token: string | null; url: string | null; replace: boolean },
    signal: AbortSignal
  ): Promise<ConnectedProject>
  /** What is posted where. @throws Failure `not-found`, `conflict` */
  connectionForm(state: string, signal: AbortSignal): Promise<{ formUrl: string; manifest: string }>
  /** Takes the code that the forge sent a person back with, once. @throws Failure that says what to do */
  convertConnection(state: string, code: string, signal: AbortSignal): Promise<{ installUrl: string }>
  /** Asks a forge now where its App is installed. */
  lookForInstallations(forgeId: string, signal: AbortSignal): Promise<void>
  /** Asks the forges how it stands with them; `fresh`: also those that were asked a moment ago. */
  forgeHealth(fresh: boolean, signal: AbortSignal): Promise<ForgeHealth[]>
  /** @throws Failure `not-found`, `conflict` for one that the environment has, or that delivers nothing */
  rotateWebhookSecret(forgeId: string, signal: AbortSignal): Promise<RotatedWebhooks>
  /** @throws Failure `invalid-request` for a key that does not open the App */
  replaceAppKey(forgeId: string, pem: string, signal: AbortSignal): Promise<{ slug: string; htmlUrl: string }>
}

export const internalForgePaths = {
  begin: '/internal/forge-connections',
  project: '/internal/forge-connections/project',
  form: '/internal/forge-connections/form',
  convert: '/internal/forge-connections/conversion',
  health: '/internal/forges',
  look: '/internal/forges/:id/installations',
  rotateWebhookSecret: '/internal/forges/:id/webhook-secret/rotation',
  appKey: '/internal/forges/:id/app-key'
} as const

type Call = <T>(method: string, path: string, body: unknown, signal: AbortSignal) => Promise<T>

export function createInternalForges(call: Call): InternalForges {
  const paths = internalForgePaths
  return {
    beginConnection: (wanted, signal) => call('POST', paths.begin, wanted, signal),
    connectProject: (wanted, signal) => call('POST', paths.project, wanted, signal),
    connectionForm: (state, signal) => call('POST', paths.form, { state }, signal),
    convertConnection: (state, code, signal) => call('POST', paths.convert, { state, code }, signal),
    lookForInstallations: async (id, signal) => {
      await call('POST', fillPath(paths.look, { id }), undefined, signal)
    },
    forgeHealth: (fresh, signal) => call('GET', `${paths.health}?fresh=${fresh}`, undefined, signal),
    rotateWebhookSecret: (id, signal) => call('POST', fillPath(paths.rotateWebhookSecret, { id }), undefined, signal),
    replaceAppKey: (id, pem, signal) => call('PUT', fillPath(paths.appKey, { id }), { pem }, signal)
  }
}
