export * from './access-routes.ts'
export { GivenUpCallView } from './call-routes.ts'
export * from './client.ts'
export * from './forge-resources.ts'
export { HealthView } from './health-routes.ts'
export * from './internal.ts'
export { type BegunConnection, type InternalForges, internalForgePaths } from './internal-forges.ts'
export {
  type InternalSecrets,
  internalSecretPaths,
  type SealedDocument,
  type SecretValues,
  type SecretVersion
} from './internal-secrets.ts'
export { LimitsView } from './limit-routes.ts'
export * from './notification-routes.ts'
export { MeView, SignInView } from './people.ts'
export { QueueView } from './queue-routes.ts'
export * from './resources.ts'
export * from './routes.ts'
export type { Rule, Subject } from './rule.ts'
export { TerminalQuestion } from './terminal-routes.ts'
export { TokenView } from './token-routes.ts'
export * from './traffic-routes.ts'
export * from './try-routes.ts'
export { WaitView } from './wait-view.ts'
