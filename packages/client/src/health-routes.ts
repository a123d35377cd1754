import Type, { type Static, type TSchema } from 'typebox'
import type { RouteContract } from './route-contract.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Type.String()
const Time = Type.Integer({ description: 'epoch milliseconds' })
const Bytes = Type.Integer()

export const HealthView = Type.Object(
  {
    checkedAt: Time,
    /** What was asked just now, each with what it said. `tookMs`: null where it was asked together with others. */
    parts: Type.Array(
      Type.Object({ name: Text, isOk: Type.Boolean(), detail: Text, tookMs: Nullable(Type.Integer()) })
    ),
    /** Every process of Slipway that said within a day that it is there. `isSilent`: it did not lately, and did not stop in order. */
    services: Type.Array(
      Type.Object({
        id: Text,
        kind: Type.Enum(['receiver', 'builder', 'deployer', 'api', 'gateway']),
        host: Text,
        version: Text,
        startedAt: Time,
        seenAt: Time,
        isSilent: Type.Boolean(),
        /** Of deployers. */
        isLeader: Nullable(Type.Boolean()),
        /** Of builders: builds that it takes at a time. */
        slots: Nullable(Type.Integer())
      })
    ),
    /** Where builders write. A build waits while less than `wantedBytes` are free. */
    disks: Type.Array(
      Type.Object({
        host: Text,
        what: Text,
        path: Text,
        freeBytes: Bytes,
        totalBytes: Bytes,
        wantedBytes: Bytes,
        isShort: Type.Boolean()
      })
    ),
    /** What takes room; folders of the state directory are measured every half hour. `host`: null for what is at no builder. */
    uses: Type.Array(Type.Object({ host: Nullable(Text), what: Text, bytes: Bytes, limitBytes: Nullable(Bytes) }))
  },
  { $id: 'Health' }
)
export type HealthView = Static<typeof HealthView>

export const healthRoutes = {
  getHealth: {
    method: 'GET',
    path: '/api/v1/health',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'Whether every part answers, which services are there in which version, and room on the disks',
    query: Type.Object({
      probe: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'find out what holds in the cluster, as `slipway doctor` does; takes seconds'
        })
      )
    }),
    response: HealthView
  }
} as const satisfies Record<string, RouteContract>
