import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NotificationView } from '@slipway/client'
import { Failure, type NotificationTopic, type Sink, type SinkKind } from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'
import type { Caller } from './identify.ts'

type NotificationRoutes =
  | 'listNotifications'
  | 'listAdminNotifications'
  | `${'add' | 'remove' | 'test'}${'' | 'Admin'}Notification`

/** Shown with each. */
const lastShown = 5
/** How long a test is waited for: the try itself has ten seconds. */
const testMs = 15_000

interface Wanted {
  kind: SinkKind
  url: string
  topics: NotificationTopic[]
}

/** Where people are told of what happens. `ownerId` null: the administrators. */
export function createNotificationHandlers(deps: HandlerDeps): Handlers<NotificationRoutes> {
  const { store, internal, signals, now } = deps
  const { ownerIdOf, note } = createLookups(deps)

  async function viewOf({ ownerId: _ownerId, ...about }: Sink): Promise<NotificationView> {
    const last = await store.notifications.list(about.id, lastShown)
    return {
      ...about,
      last: last.map(({ id, message, status, attempts, reason, createdAt }) => {
        return { id, type: message.type, text: message.text, status, attempts, reason, createdAt }
      })
    }
  }

  async function list(ownerId: string | null) {
    return { items: await Promise.all((await store.notifications.sinks(ownerId)).map(viewOf)) }
  }

  async function add(ownerId: string | null, wanted: Wanted, caller: Caller, signal: AbortSignal) {
    if (ownerId !== null && wanted.topics.includes('audit')) {
      throw new Failure(
        'invalid-request',
        'the audit log is told to administrators only: choose among the other topics'
      )
    }
    const { sink, secret } = await internal.addSink({ ownerId, ...wanted, by: caller.name }, signal)
    const { kind, host, topics } = sink
    await note(caller, 'add-notification', ownerId, `notification/${sink.id}`, { kind, host, topics })
    return { notification: await viewOf(sink), secret }
  }

  async function remove(ownerId: string | null, id: string, caller: Caller) {
    const { kind, host } = await store.notifications.removeSink(ownerId, id)
    await note(caller, 'remove-notification', ownerId, `notification/${id}`, { kind, host })
    return { message: `${host} is told no more` }
  }

  async function test(ownerId: string | null, id: string, caller: Caller, signal: AbortSignal) {
    const sink = (await store.notifications.sinks(ownerId)).find((one) => one.id === id)
    if (sink === undefined) throw new Failure('not-found', `there is no notification ${id}`)
    const at = now()
    const text = `Slipway can reach this address: ${caller.name} asked for a test.`
    const message = { type: 'test', timestamp: new Date(at).toISOString(), text, data: {} }
    const [made = ''] = await store.notifications.enqueue(
      [{ sinkId: id, eventId: `test:${randomUUID()}`, message }],
      at
    )
    signals.send('notify', {})
    await note(caller, 'test-notification', ownerId, `notification/${id}`, { host: sink.host })
    for (const end = performance.now() + testMs; performance.now() < end; ) {
      await sleep(50, undefined, { signal })
      const now = await store.notifications.get(made)
      if (now !== null && now.status !== 'pending')
        return { isDelivered: now.status === 'delivered', reason: now.reason }
    }
    return { isDelivered: false, reason: 'nobody has tried yet: is a deployer running?' }
  }

  return {
    listNotifications: async ({ owner }) => list(await ownerIdOf(owner)),
    addNotification: async ({ owner, ...wanted }, caller, signal) =>
      add(await ownerIdOf(owner), wanted, caller, signal),
    removeNotification: async ({ owner, id }, caller) => remove(await ownerIdOf(owner), id, caller),
    testNotification: async ({ owner, id }, caller, signal) => test(await ownerIdOf(owner), id, caller, signal),
    listAdminNotifications: async () => list(null),
    addAdminNotification: async (wanted, caller, signal) => add(null, wanted, caller, signal),
    removeAdminNotification: async ({ id }, caller) => remove(null, id, caller),
    testAdminNotification: async ({ id }, caller, signal) => test(null, id, caller, signal)
  }
}
