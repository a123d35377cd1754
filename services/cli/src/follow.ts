import type { BuildDetail, BuildView, StatusApi } from '@slipway/client'
import { Failure, shortCommit } from '@slipway/domain'
import { followBuild } from './builds.ts'
import { type CommandContext, shown } from './command-context.ts'
import { createProgress } from './progress.ts'

/** Waits for a build that was just asked for, and says how it ends; Ctrl-C leaves it running. @throws Failure when it does not go live */
export async function followToEnd(
  api: Pick<StatusApi, 'followLog' | 'getBuild'>,
  build: BuildView,
  { print, env }: Pick<CommandContext, 'print' | 'env'>,
  { json, live }: { json: boolean; live(ended: BuildDetail): Promise<string[]> }
): Promise<void> {
  if (!json) print(`build ${build.id} of ${shortCommit(build.commit)}; Ctrl-C leaves it running`)
  const stop = new AbortController()
  const interrupt = () => stop.abort(new Failure('cancelled', `build ${build.id} goes on without you`))
  process.once('SIGINT', interrupt)
  const progress = json ? { tell() {}, end() {}, lastLines: () => [] } : createProgress(process.stdout, env)
  try {
    const ended = await followBuild(api, build.id, progress, stop.signal)
    if (json) print(shown(ended))
    else for (const line of await live(ended)) print(line)
  } catch (err) {
    throw stop.signal.aborted ? stop.signal.reason : err
  } finally {
    process.off('SIGINT', interrupt)
  }
}
