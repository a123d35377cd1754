import { Failure, type ForgeRights, type IdentityProvider, type Person, type Right } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { ForgeId } from '../api/answer.ts'
import { type Ask, createAsk, unlessForbidden } from './ask.ts'
import type { SignInConfig } from './github.ts'
import { assertPrivate, createOAuth, isLoopback } from './oauth.ts'

const UserAnswer = Type.Object({
  id: ForgeId,
  username: Type.String({ minLength: 1 }),
  name: Type.Optional(Type.Union([Type.String(), Type.Null()]))
})
const NamespaceAnswer = Type.Object({ id: ForgeId, kind: Type.String() })
const ListAnswer = Type.Array(Type.Object({ id: ForgeId }))

/** GitLab's access levels, the lowest first: Reporter, Developer, Maintainer. Guests see no code, so they see nothing here. */
const levels: [number, Right][] = [
  [20, 'read'],
  [30, 'write'],
  [40, 'admin']
]

/** GitLab's, as an OpenID provider: https://docs.gitlab.com/integration/openid_connect_provider/ */
export function createGitLabSignIn(config: SignInConfig): IdentityProvider {
  const { instance, clientId, clientSecret } = config
  assertPrivate(instance.baseUrl, 'GITLAB_URL')
  const forge = 'GitLab'
  const oauth = createOAuth({
    ...config,
    provider: forge,
    secretSetting: 'GITLAB_APPLICATION_SECRET',
    scope: 'openid profile read_api',
    isOpenId: true,
    configure: ({ discovery, allowInsecureRequests, ClientSecretPost, customFetch }) =>
      discovery(new URL(instance.baseUrl), clientId, clientSecret, ClientSecretPost(clientSecret), {
        execute: isLoopback(instance.baseUrl) ? [allowInsecureRequests] : [],
        timeout: config.timeoutMs / 1000,
        ...(config.fetch === undefined ? {} : { [customFetch]: config.fetch })
      })
  })
  const personAsked = async (ask: Ask) => personOf(await ask.one('/user', UserAnswer))

  return {
    id: instance.forgeId,
    name: forge,
    forgeId: instance.forgeId,
    begin: oauth.begin,
    async complete(callback, secrets, signal) {
      const { credential, claims } = await oauth.complete(callback, secrets)
      const person = await personAsked(createAsk({ ...config, forge }, credential.accessToken, signal))
      if (claims?.sub !== person.forgeUserId) {
        throw new Failure('unauthenticated', "GitLab's ID token and its API speak of different people: sign in again")
      }
      return { person, credential }
    },
    renew: oauth.renew,
    async ask({ accessToken }, signal) {
      const ask = createAsk({ ...config, forge }, accessToken, signal)
      const person = await personAsked(ask)
      return { person, rights: await rightsOf(ask, person) }
    }
  }
}

async function rightsOf(ask: Ask, { login }: Person): Promise<ForgeRights> {
  const owners = new Map<string, Right>()
  const repositories = new Map<string, Right>()
  // Asked with the person's own token a moment after it named them so: nobody else can be called that.
  const own = await unlessForbidden(
    ask.one(`/namespaces/${encodeURIComponent(login)}`, NamespaceAnswer).then((answer) => [answer])
  )
  for (const { id, kind } of own) if (kind === 'user') owners.set(String(id), 'admin')
  // GitLab tells no levels in lists, but lists by level: the last one in which something stands counts.
  for (const [level, right] of levels) {
    const groups = `/groups?min_access_level=${level}&top_level_only=true`
    for (const { id } of await ask.all(groups, ListAnswer, (answer) => answer)) owners.set(String(id), right)
    const projects = `/projects?membership=true&simple=true&order_by=id&sort=asc&min_access_level=${level}`
    for (const { id } of await ask.all(projects, ListAnswer, (answer) => answer)) repositories.set(String(id), right)
  }
  return {
    owners: [...owners].map(([forgeOwnerId, right]) => ({ forgeOwnerId, right })),
    repositories: [...repositories].map(([forgeRepositoryId, right]) => ({ forgeRepositoryId, right }))
  }
}

function personOf({ id, username, name = null }: Static<typeof UserAnswer>): Person {
  return { forgeUserId: String(id), login: username, name }
}
