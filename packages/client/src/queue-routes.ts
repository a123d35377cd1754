import Type, { type Static, type TSchema } from 'typebox'
import { BuildView } from './resources.ts'
import type { RouteContract } from './route-contract.ts'
import { WaitView } from './wait-view.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Type.String()
const Time = Type.Integer({ description: 'epoch milliseconds' })

/** Without its name: a schema may hold only one of a name. */
const Build = Type.Object(BuildView.properties)

export const QueueView = Type.Object(
  {
    slots: Type.Object({ taken: Type.Integer(), most: Type.Integer() }),
    /** Who comes next first. `owner`: null where it has no name yet. */
    owners: Type.Array(
      Type.Object({ owner: Nullable(Text), building: Type.Integer(), most: Type.Integer(), waiting: Type.Integer() })
    ),
    /** What runs, or was chosen to. `leaseUntil`: until when it is the worker's unless that says so again. */
    active: Type.Array(
      Type.Object({
        build: Build,
        worker: Nullable(Text),
        leaseUntil: Nullable(Time),
        waitsFor: Nullable(WaitView)
      })
    ),
    /** Who takes up what is chosen, and was seen within a day. `holds`: how many it has now. */
    workers: Type.Array(
      Type.Object({
        id: Text,
        kind: Type.Enum(['builder', 'deployer']),
        host: Text,
        slots: Nullable(Type.Integer()),
        holds: Type.Integer(),
        seenAt: Time,
        isSilent: Type.Boolean()
      })
    ),
    /** The first of them. `turn`: 1 is next; null: none before what it waits for is over. */
    waiting: Type.Array(Type.Object({ build: Build, turn: Nullable(Type.Integer()), waitsFor: WaitView })),
    waitingCount: Type.Integer(),
    /** Former versions that still have calls. */
    draining: Type.Array(Type.Object({ deploymentId: Text, owner: Text, function: Text, createdAt: Time }))
  },
  { $id: 'Queue' }
)
export type QueueView = Static<typeof QueueView>

export const queueRoutes = {
  getQueue: {
    method: 'GET',
    path: '/api/v1/queue',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'What is queued and whose turn it is, what each waits for, and what runs where',
    response: QueueView
  }
} as const satisfies Record<string, RouteContract>
