import type { FastifyInstance } from 'fastify'
import type { Deliveries, DeliveryContent, SignDelivery } from './deliveries.ts'
import type { Push } from './push.ts'
import type { HostedRepository } from './repositories.ts'
import type { OAuthClient, Token } from './state.ts'

/** What was done to a repository, in GitHub's words. */
export interface RepositoryChange {
  action: 'renamed' | 'transferred' | 'deleted' | 'archived' | 'unarchived' | 'privatized' | 'publicized' | 'edited'
  before: HostedRepository
  after: HostedRepository
}

/** Everything in which the local forge is GitHub or GitLab. */
export interface ForgeForm {
  /** Below the forge's address. */
  readonly apiPath: string
  /** How many commits of a push are told one by one. */
  readonly commitLimit: number
  rest(scope: FastifyInstance, deliveries: Pick<Deliveries, 'all' | 'send' | 'settled'>): Promise<void>
  readonly oauthClient: OAuthClient
  /** What is served for signing in, outside of REST. */
  signIn(app: FastifyInstance): void
  /** Where clients take tokens: out of order with REST. */
  readonly tokenPath: string
  /** Pages of the forge besides those that both have. */
  pages?(app: FastifyInstance): void
  readonly sign: SignDelivery
  /** null when the forge tells nobody. */
  describePush(push: Push): DeliveryContent | null
  describeChange(change: RepositoryChange): DeliveryContent | null
  /** True when the token may be used on the repository at all. */
  covers(token: Token, repository: HostedRepository): boolean
}
