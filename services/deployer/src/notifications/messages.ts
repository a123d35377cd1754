import {
  type AuditEntry,
  type EndedBuild,
  type NotificationMessage,
  type NotificationTopic,
  shortCommit
} from '@slipway/domain'

export interface Told {
  eventId: string
  at: number
  ownerId: string | null
  topic: NotificationTopic
  message: NotificationMessage
}

/** What is told of a build that ended. */
export function toldOfBuild(build: EndedBuild, linkOf: (build: EndedBuild) => string | null): Told {
  const isLive = build.status === 'live'
  const topic = !isLive ? 'failed' : build.trigger === 'rollback' ? 'rolled-back' : 'live'
  const at = build.finishedAt ?? build.createdAt
  const commit = shortCommit(build.commit)
  const words = { failed: 'failed', live: 'is live', 'rolled-back': 'was rolled back' }[topic]
  const reason = isLive || build.reason === null ? '' : `: ${build.reason}`
  const type = topic === 'rolled-back' ? 'function.rolled-back' : `build.${topic}`
  return {
    eventId: `build:${build.id}`,
    at,
    ownerId: build.ownerId,
    topic,
    message: {
      type,
      timestamp: new Date(at).toISOString(),
      text: `${build.repositoryName} ${commit} ${words}${reason}`,
      data: {
        owner: build.ownerSlug,
        repository: build.repositoryName,
        buildId: build.id,
        ref: build.ref,
        commit: build.commit,
        status: build.status,
        reason: build.reason,
        trigger: build.trigger,
        sender: build.sender,
        url: linkOf(build)
      }
    }
  }
}

/**
 * What is told of a change that somebody made: to administrators all of it, to its owner that a function was paused. Of what was refused
 * nothing: strangers could have messages sent.
 */
export function toldOfChange(entry: AuditEntry): Told[] {
  const { id, at, actor, action, ownerId, resource, detail } = entry
  if (action === 'refused') return []
  const timestamp = new Date(at).toISOString()
  const data = { actor, action, resource, ownerId, detail }
  const eventId = `audit:${id}`
  const audit: Told = {
    eventId,
    at,
    ownerId: null,
    topic: 'audit',
    message: { type: 'audit', timestamp, text: `${actor}: ${action} ${resource}`, data }
  }
  if (action !== 'pause' || ownerId === null) return [audit]
  const name = resource.replace(/^function\//, '')
  const message = {
    type: 'function.paused',
    timestamp,
    text: `${name} was paused by ${actor}: pushes do not deploy it`,
    data: { function: name, actor }
  }
  return [audit, { eventId, at, ownerId, topic: 'paused', message }]
}
