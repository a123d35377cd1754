import { Failure, type ForgeInstance, type FoundRepository } from '@slipway/domain'
import Type from 'typebox'
import { ForgeId, readAnswer } from './answer.ts'

const HooksAnswer = Type.Array(Type.Object({ url: Type.String() }))
const UserAnswer = Type.Object({ id: ForgeId })

/** Of an instance's system hook, these projects are connected. */
const topics = new Set(['openfaas-cloud', 'slipway'])

export function withTopic(given: string[]): boolean {
  return given.some((topic) => topics.has(topic.toLowerCase()))
}

interface Resources {
  hooks: { all(projectId: number): Promise<unknown> }
  users: { showCurrentUser(): Promise<unknown> }
}

/** Whether a project is connected to Slipway, and in whose eyes. */
export function createConnections(
  { forgeId }: ForgeInstance,
  resources: (signal: AbortSignal) => Promise<Resources>
): {
  byHook(projectId: number, signal: AbortSignal): Promise<FoundRepository['connection']>
  identity(signal: AbortSignal): Promise<string>
} {
  const paths = [`/webhooks/${forgeId}`, '/webhooks/gitlab', '/gitlab-event']
  let identity: string | null = null

  return {
    /** A hook is ours by where it leads; only a maintainer's token may look. */
    async byHook(projectId, signal) {
      try {
        const { hooks } = await resources(signal)
        const found = readAnswer('GitLab', 'GET projects/:id/hooks', HooksAnswer, await hooks.all(projectId))
        // Parts of an address may be masked, and it is none then.
        const isOurs = ({ url }: { url: string }) =>
          paths.some((path) => (URL.parse(url)?.pathname ?? url).endsWith(path))
        return found.some(isOurs) ? 'there' : 'gone'
      } catch (err) {
        if (err instanceof Failure && (err.code === 'forbidden' || err.code === 'not-found')) return 'unknown'
        throw err
      }
    },

    async identity(signal) {
      if (identity !== null) return identity
      const { users } = await resources(signal)
      const { id } = readAnswer('GitLab', 'GET user', UserAnswer, await users.showCurrentUser())
      identity = `user/${id}`
      return identity
    }
  }
}
