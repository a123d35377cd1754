import { type LocalForgeOptions, openCore } from './core.ts'
import { type GitHubLocalForge, startGitHub } from './github.ts'
import { type GitLabLocalForge, startGitLab } from './gitlab.ts'

export type LocalForge = GitHubLocalForge | GitLabLocalForge

/**
 * Starts a small git host for trying Slipway and for tests, in this process: git over HTTP, signed webhooks, the REST calls
 * that Slipway makes, and a page. Not for production: whoever reaches it sees everything on the page.
 *
 * @throws Failure `invalid-configuration` when `root` holds a forge of another kind.
 */
export function createLocalForge(options: LocalForgeOptions & { kind: 'github' }): Promise<GitHubLocalForge>
export function createLocalForge(options: LocalForgeOptions & { kind: 'gitlab' }): Promise<GitLabLocalForge>
export function createLocalForge(options: LocalForgeOptions): Promise<LocalForge>
export async function createLocalForge(options: LocalForgeOptions): Promise<LocalForge> {
  const core = await openCore(options)
  return options.kind === 'github' ? startGitHub(core, options) : startGitLab(core, options)
}
