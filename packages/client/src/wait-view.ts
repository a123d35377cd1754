import Type, { type Static, type TSchema } from 'typebox'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Why a build does not go on this very moment. It names nobody but the build's own owner. */
export const WaitView = Type.Object({
  kind: Type.Enum(['turn', 'worker', 'slot', 'owner-limit', 'branch', 'retry', 'owner', 'name', 'stopped']),
  /** In words. */
  why: Type.String(),
  /** Which build it waits for. */
  buildId: Nullable(Type.String()),
  /** When it is tried again. */
  at: Nullable(Type.Integer({ description: 'epoch milliseconds' }))
})
export type WaitView = Static<typeof WaitView>
