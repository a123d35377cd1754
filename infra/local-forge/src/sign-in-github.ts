import type { FastifyInstance } from 'fastify'
import type { Core } from './core.ts'
import { type OAuthForm, registerOAuth } from './oauth.ts'
import type { OAuthClient } from './state.ts'

const paths = { authorizePath: '/login/oauth/authorize', tokenPath: '/login/oauth/access_token' }

/** GitHub's own words: its errors come with status 200. */
const words: Record<string, string> = {
  invalid_client: 'incorrect_client_credentials',
  invalid_grant: 'bad_verification_code'
}

/** The web application flow: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app */
export function gitHubSignIn(core: Core, client: OAuthClient) {
  const form: OAuthForm = {
    ...paths,
    prefixes: { access: 'ghu_', refresh: 'ghr_' },
    accessLifetimeMs: 8 * 3600_000,
    // An App's permissions, not the scope, say what a person's token may do.
    permissionsOf: () => ({ contents: 'read', metadata: 'read' }),
    withTokens: () => Promise.resolve({ scope: '', refresh_token_expires_in: 15_897_600 }),
    refuse: (reply, error, description) =>
      reply.send({
        error: words[error] ?? error,
        error_description: description,
        error_uri: 'https://docs.github.com'
      }),
    sendTokens(request, reply, answer) {
      if (request.headers.accept?.includes('json') === true) return reply.send(answer)
      const fields = new URLSearchParams()
      for (const [name, value] of Object.entries(answer)) fields.set(name, String(value))
      return reply.type('application/x-www-form-urlencoded; charset=utf-8').send(fields.toString())
    }
  }
  return {
    oauthClient: client,
    tokenPath: paths.tokenPath,
    signIn: (app: FastifyInstance) => registerOAuth(app, core, client, form)
  }
}
