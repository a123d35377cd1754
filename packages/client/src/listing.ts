import Type, { type TSchema } from 'typebox'

const Limit = Type.Integer({ minimum: 1, maximum: 200, default: 50 })

/** An id: only what is older is listed. The answer's `next` goes here. */
export const page = { before: Type.Optional(Type.String()), limit: Type.Optional(Limit) }

export const Listed = <T extends TSchema>(items: T) =>
  Type.Object({ items: Type.Array(items), next: Type.Union([Type.String(), Type.Null()]) })

export const owner = { owner: Type.Optional(Type.String({ description: "an owner's slug" })) }
