import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createWorkingCopy, type WorkingCopy } from '@slipway/demo'
import { createLocalForge, type GitHubLocalForge, type LocalRepository } from '@slipway/local-forge'
import { createLogger } from '@slipway/service'
import { nodeAddress } from './ground.ts'

/** A forge that pods reach, and what an installation has to know of it. */
export interface ChartForge {
  github: GitHubLocalForge
  settings: Record<string, string>
  secrets: Record<string, string>
  /** Where it sends its events. */
  deliverTo(receiverUrl: string): void
  repository(owner: string): Promise<{ hosted: LocalRepository; workingCopy: WorkingCopy }>
  close(): Promise<void>
}

export async function openChartForge(directory: string): Promise<ChartForge> {
  const github = await createLocalForge({
    kind: 'github',
    root: join(directory, 'github'),
    host: nodeAddress,
    logger: createLogger('forge', 'error'),
    developer: 'dev'
  })
  const secret = randomBytes(16).toString('hex')
  return {
    github,
    settings: { GITHUB_URL: github.url, GITHUB_API_URL: github.apiUrl },
    secrets: {
      GITHUB_APP_ID: String(github.app.id),
      GITHUB_PRIVATE_KEY: github.app.privateKey,
      GITHUB_WEBHOOK_SECRET: secret
    },
    deliverTo: (receiverUrl) => github.setWebhook({ url: `${receiverUrl}/webhooks/github`, secret }),
    async repository(owner) {
      const hosted = await github.createRepository({ owner, name: 'shop', isPrivate: true })
      return { hosted, workingCopy: await createWorkingCopy(join(directory, owner), hosted.cloneUrl) }
    },
    close: () => github.close()
  }
}
