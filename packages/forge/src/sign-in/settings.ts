import { Failure, type IdentityProvider } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { defaultTimeoutMs } from '../api/answer.ts'
import { assertNotGuessable, githubInstance, gitlabInstance, instanceSettings } from '../settings.ts'
import { createGitHubSignIn } from './github.ts'
import { createGitLabSignIn } from './gitlab.ts'
import { createOidcSignIn } from './oidc.ts'
import { readGroupRights } from './oidc-rights.ts'

const Text = Type.String({ minLength: 1 })

/** For who lets people sign in: only `api`. A provider without a client here is not offered. */
export const signInSettings = {
  ...instanceSettings,
  GITHUB_CLIENT_ID: Type.Optional(Type.String({ ...Text, description: 'Of the GitHub App: its page has both.' })),
  GITHUB_CLIENT_SECRET: Type.Optional(
    Type.String({ ...Text, description: 'The other half: a client secret of the App.' })
  ),
  GITLAB_APPLICATION_ID: Type.Optional(
    Type.String({
      ...Text,
      description: 'Of an application at GitLab, confidential, with the scopes openid, profile, read_api.'
    })
  ),
  GITLAB_APPLICATION_SECRET: Type.Optional(Type.String({ ...Text, description: 'The other half.' })),
  OIDC_ISSUER: Type.Optional(Type.String({ pattern: '^https?://', description: 'Any OpenID provider.' })),
  OIDC_CLIENT_ID: Type.Optional(Type.String({ ...Text, description: 'Of a client there that is confidential.' })),
  OIDC_CLIENT_SECRET: Type.Optional(Type.String({ ...Text, description: 'The other half.' })),
  OIDC_NAME: Type.String({ default: 'OpenID', minLength: 1, maxLength: 40, description: 'What the button says.' }),
  OIDC_SCOPE: Type.String({ default: 'openid profile', pattern: '^openid( |$)', description: 'What is asked for.' }),
  OIDC_GROUPS_CLAIM: Type.String({
    default: 'groups',
    minLength: 1,
    description: 'Where its userinfo says which groups somebody is in.'
  }),
  OIDC_RIGHTS: Type.String({
    default: '',
    description:
      'What members of its groups may: `<group>=<slug of an owner>:<read, write or admin>`, several separated by `;`.'
  }),
  FORGE_TIMEOUT_MS: Type.Integer({
    default: defaultTimeoutMs,
    minimum: 1000,
    description: 'How long a call to a forge may take.'
  })
}
const SignInSettings = Type.Object(signInSettings)
export type SignInSettings = Static<typeof SignInSettings>

/** One per provider that has a client. @throws Failure `invalid-configuration` for half of one */
export function createIdentityProviders(
  settings: SignInSettings,
  now: () => number,
  fetch?: typeof globalThis.fetch
): IdentityProvider[] {
  assertNotGuessable(settings, ['GITHUB_CLIENT_SECRET', 'GITLAB_APPLICATION_SECRET', 'OIDC_CLIENT_SECRET'])
  const about = { timeoutMs: settings.FORGE_TIMEOUT_MS, now, ...(fetch === undefined ? {} : { fetch }) }
  const providers: IdentityProvider[] = []
  const github = both(settings, 'GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET')
  if (github !== null) providers.push(createGitHubSignIn({ instance: githubInstance(settings), ...github, ...about }))
  const gitlab = both(settings, 'GITLAB_APPLICATION_ID', 'GITLAB_APPLICATION_SECRET')
  if (gitlab !== null) providers.push(createGitLabSignIn({ instance: gitlabInstance(settings), ...gitlab, ...about }))
  const oidc = both(settings, 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET')
  const { OIDC_ISSUER: issuer, OIDC_NAME: name, OIDC_SCOPE: scope } = settings
  if ((oidc === null) !== (issuer === undefined)) {
    throw new Failure(
      'invalid-configuration',
      'OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together: set all'
    )
  }
  if (oidc !== null && issuer !== undefined) {
    const rights = readGroupRights(settings.OIDC_RIGHTS, settings.OIDC_GROUPS_CLAIM)
    providers.push(createOidcSignIn({ id: 'oidc', name, issuer, scope, rights, ...oidc, ...about }))
  }
  return providers
}

function both(
  settings: SignInSettings,
  idName: 'GITHUB_CLIENT_ID' | 'GITLAB_APPLICATION_ID' | 'OIDC_CLIENT_ID',
  secretName: 'GITHUB_CLIENT_SECRET' | 'GITLAB_APPLICATION_SECRET' | 'OIDC_CLIENT_SECRET'
): { clientId: string; clientSecret: string } | null {
  const { [idName]: clientId, [secretName]: clientSecret } = settings
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  if (clientId === undefined && clientSecret === undefined) return null
  throw new Failure('invalid-configuration', `${idName} and ${secretName} go together: set both`)
}
