import Type from 'typebox'

/** What was done, in words. */
export const Done = Type.Object({ message: Type.String() })
