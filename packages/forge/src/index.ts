export { cloneUrl, commitUrl, lineUrl, repositoryUrl } from './addresses.ts'
export { createGitHubApi, type GitHubApiConfig } from './api/github.ts'
export {
  appEvents,
  appPermissions,
  type ConvertedApp,
  convertManifestCode,
  type ManifestOptions,
  manifestFormUrl,
  manifestOf
} from './api/github-manifest.ts'
export { createGitLabApi, type GitLabApiConfig } from './api/gitlab.ts'
export { createGitLabHooks, type GitLabHooks, type WantedHook } from './api/gitlab-hooks.ts'
export {
  createForgeApis,
  createWebhookSources,
  type ForgeApiSettings,
  forgeApiSettings,
  forgeInstances,
  githubInstance,
  githubInstanceAt,
  gitlabInstance,
  gitlabInstanceAt,
  type InstanceSettings,
  instanceSettings,
  type WebhookSettings,
  webhookSettings
} from './settings.ts'
export { createGitHubSignIn } from './sign-in/github.ts'
export { createIdentityProviders, type SignInSettings, signInSettings } from './sign-in/settings.ts'
export { createGitHubWebhooks, type GitHubWebhookConfig } from './webhooks/github.ts'
export { createGitLabWebhooks, type GitLabWebhookConfig } from './webhooks/gitlab.ts'
