import type { ForgeInstance, ForgeRights, IdentityProvider, Person, Right } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { ForgeId } from '../api/answer.ts'
import { type Ask, createAsk, unlessForbidden } from './ask.ts'
import { assertPrivate, createOAuth } from './oauth.ts'

export interface SignInConfig {
  instance: ForgeInstance
  clientId: string
  clientSecret: string
  fetch?: typeof fetch
  /** Of one call. */
  timeoutMs: number
  now: () => number
}

const Login = Type.String({ minLength: 1 })
const UserAnswer = Type.Object({
  id: ForgeId,
  login: Login,
  name: Type.Optional(Type.Union([Type.String(), Type.Null()]))
})
const MembershipsAnswer = Type.Array(
  Type.Object({ state: Type.String(), role: Type.String(), organization: Type.Object({ id: ForgeId }) })
)
const InstallationsAnswer = Type.Object({ installations: Type.Array(Type.Object({ id: ForgeId })) })
const RepositoriesAnswer = Type.Object({
  repositories: Type.Array(
    Type.Object({
      id: ForgeId,
      permissions: Type.Optional(
        Type.Object({
          admin: Type.Boolean(),
          maintain: Type.Optional(Type.Boolean()),
          push: Type.Boolean(),
          pull: Type.Boolean()
        })
      )
    })
  )
})
type Permissions = NonNullable<Static<typeof RepositoriesAnswer>['repositories'][number]['permissions']>

/** GitHub's, as the App's own OAuth client: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app */
export function createGitHubSignIn(config: SignInConfig): IdentityProvider {
  const { instance, clientId, clientSecret } = config
  assertPrivate(instance.baseUrl, 'GITHUB_URL')
  const forge = 'GitHub'
  const issuer = `${instance.baseUrl}/login/oauth`
  const oauth = createOAuth({
    ...config,
    provider: forge,
    secretSetting: 'GITHUB_CLIENT_SECRET',
    // An App's permissions say what a person's token may do.
    scope: '',
    isOpenId: false,
    configure: ({ Configuration, ClientSecretPost }) => {
      const server = { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/access_token` }
      return Promise.resolve(new Configuration(server, clientId, clientSecret, ClientSecretPost(clientSecret)))
    }
  })

  return {
    id: instance.forgeId,
    name: forge,
    forgeId: instance.forgeId,
    begin: oauth.begin,
    async complete(callback, secrets, signal) {
      const { credential } = await oauth.complete(callback, secrets)
      const ask = createAsk({ ...config, forge }, credential.accessToken, signal)
      return { person: personOf(await ask.one('/user', UserAnswer)), credential }
    },
    renew: oauth.renew,
    async ask({ accessToken }, signal) {
      const ask = createAsk({ ...config, forge }, accessToken, signal)
      const person = personOf(await ask.one('/user', UserAnswer))
      return { person, rights: await rightsOf(ask, person) }
    }
  }
}

/** Their own account and what they own; and each repository that the App sees, by what GitHub says of it. */
async function rightsOf(ask: Ask, { forgeUserId }: Person): Promise<ForgeRights> {
  const memberships = await unlessForbidden(
    ask.all('/user/memberships/orgs?state=active', MembershipsAnswer, (answer) => answer)
  )
  const owned = memberships.filter(({ state, role }) => state === 'active' && role === 'admin')
  const installations = await ask.all('/user/installations', InstallationsAnswer, (answer) => answer.installations)
  const repositories: ForgeRights['repositories'] = []
  for (const { id } of installations) {
    // One that is suspended refuses.
    const found = await unlessForbidden(
      ask.all(`/user/installations/${id}/repositories`, RepositoriesAnswer, (answer) => answer.repositories)
    )
    for (const { id: repositoryId, permissions } of found) {
      const right = permissions === undefined ? null : rightOf(permissions)
      if (right !== null) repositories.push({ forgeRepositoryId: String(repositoryId), right })
    }
  }
  const ids = [forgeUserId, ...owned.map(({ organization }) => String(organization.id))]
  return { owners: ids.map((forgeOwnerId) => ({ forgeOwnerId, right: 'admin' })), repositories }
}

function rightOf({ admin, maintain = false, push, pull }: Permissions): Right | null {
  if (admin) return 'admin'
  if (maintain || push) return 'write'
  return pull ? 'read' : null
}

function personOf({ id, login, name = null }: Static<typeof UserAnswer>): Person {
  return { forgeUserId: String(id), login, name }
}
