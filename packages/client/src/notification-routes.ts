import { notificationTopics } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import { Done } from './done.ts'
import type { RouteContract } from './route-contract.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.Integer()
const kind = Type.Enum(['webhook', 'slack'], {
  description: 'webhook: JSON, signed as Standard Webhooks say; slack: the format of its incoming webhooks'
})
const topics = Type.Array(Type.Enum([...notificationTopics]), { minItems: 1, maxItems: 5, uniqueItems: true })

export const NotificationView = Type.Object(
  {
    id: Type.String(),
    kind,
    /** The address itself is not shown again. */
    host: Type.String(),
    topics,
    createdBy: Type.String(),
    createdAt: Time,
    /** The last few messages, newest first. `dead`: it is not tried any more. */
    last: Type.Array(
      Type.Object({
        id: Type.String(),
        type: Type.String(),
        text: Type.String(),
        status: Type.Enum(['pending', 'delivered', 'dead']),
        attempts: Type.Integer(),
        reason: Nullable(Type.String()),
        createdAt: Time
      })
    )
  },
  { $id: 'Notification' }
)
export type NotificationView = Static<typeof NotificationView>

const Made = Type.Object({
  notification: NotificationView,
  /** What requests are signed with: it is shown this once. */
  secret: Nullable(Type.String())
})
const Wanted = Type.Object({ kind, url: Type.String({ minLength: 1, maxLength: 2000 }), topics })
const Items = Type.Object({ items: Type.Array(NotificationView) })
const Tested = Type.Object({ isDelivered: Type.Boolean(), reason: Nullable(Type.String()) })
const ofOwner = { action: 'set-notifications', on: 'owner' } as const
const ofPlatform = { action: 'administer', on: 'platform' } as const

export const notificationRoutes = {
  listNotifications: {
    method: 'GET',
    path: '/api/v1/owners/:owner/notifications',
    rule: ofOwner,
    summary: 'Where an owner is told of what happens, and whether the last messages arrived',
    response: Items
  },
  addNotification: {
    method: 'POST',
    path: '/api/v1/owners/:owner/notifications',
    rule: ofOwner,
    summary: 'Tell another address of builds that fail or go live, of rollbacks and pauses',
    body: Wanted,
    response: Made
  },
  removeNotification: {
    method: 'DELETE',
    path: '/api/v1/owners/:owner/notifications/:id',
    rule: ofOwner,
    summary: 'Tell an address no more',
    response: Done
  },
  testNotification: {
    method: 'POST',
    path: '/api/v1/owners/:owner/notifications/:id/test',
    rule: ofOwner,
    summary: 'Send a message now, once, and say whether it arrived',
    response: Tested
  },
  listAdminNotifications: {
    method: 'GET',
    path: '/api/v1/admin/notifications',
    rule: ofPlatform,
    summary: 'Where administrators are told',
    response: Items
  },
  addAdminNotification: {
    method: 'POST',
    path: '/api/v1/admin/notifications',
    rule: ofPlatform,
    summary: 'Tell another address of everything that happens, or of every change that is in the audit log',
    body: Wanted,
    response: Made
  },
  removeAdminNotification: {
    method: 'DELETE',
    path: '/api/v1/admin/notifications/:id',
    rule: ofPlatform,
    summary: 'Tell an address no more',
    response: Done
  },
  testAdminNotification: {
    method: 'POST',
    path: '/api/v1/admin/notifications/:id/test',
    rule: ofPlatform,
    summary: 'Send a message now, once, and say whether it arrived',
    response: Tested
  }
} as const satisfies Record<string, RouteContract>
