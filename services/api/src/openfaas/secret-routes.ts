import Type from 'typebox'
import type { Asked, OpenFaasRoute } from './route.ts'
import type { Secrets } from './secrets.ts'
import * as shapes from './shapes.ts'

/** A secret may have a mebibyte, which is a third more in base64. */
const bodyLimitBytes = 2 * 1024 * 1024

export function secretRoutes(secrets: Secrets): OpenFaasRoute[] {
  const url = '/system/secrets'
  const done = (status: number, message: string, { reply }: Asked) => {
    reply.code(status)
    return { message }
  }
  const change = { url, action: 'set-secrets', on: 'owner', body: shapes.Secret, bodyLimitBytes } as const
  return [
    {
      method: 'GET',
      url,
      summary: 'Names of secrets',
      action: 'see-secrets',
      on: 'owner',
      query: shapes.NamespaceQuery,
      response: Type.Array(Type.Object({ name: Type.String(), namespace: Type.String() })),
      answer: ({ owner }) => secrets.list(owner)
    },
    {
      method: 'POST',
      summary: 'Make a secret: its value is in a file of its name',
      ...change,
      async answer(asked) {
        await secrets.create(asked.owner, asked.request.body as shapes.Secret, asked.caller, asked.signal)
        return done(201, 'the secret is made', asked)
      }
    },
    {
      method: 'PUT',
      summary: 'Replace the value of a secret; functions with it are deployed again',
      ...change,
      async answer(asked) {
        await secrets.update(asked.owner, asked.request.body as shapes.Secret, asked.caller, asked.signal)
        return done(202, 'the secret is updated', asked)
      }
    },
    {
      method: 'DELETE',
      summary: 'Remove a secret that no function has',
      ...change,
      body: shapes.SecretName,
      async answer(asked) {
        const { name } = asked.request.body as shapes.Secret
        await secrets.remove(asked.owner, name, asked.caller, asked.signal)
        return done(202, 'the secret is removed', asked)
      }
    }
  ]
}
