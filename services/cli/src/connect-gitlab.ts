import type { RouteInput, StatusApi } from '@slipway/client'
import { type ConnectSurroundings, finish, problemLine, untilDelivered } from './connect.ts'

type Api = Pick<StatusApi, 'connectGitLab' | 'listForges'>

/**
 * Makes a project's webhook and names what is wrong with it.
 *
 * @param askForToken somebody types it, or it comes from standard input; asked only where none is kept yet
 * @returns whether the project is connected and nothing is wrong
 */
export async function connectGitLab(
  api: Api,
  wanted: RouteInput<'connectGitLab'>,
  { print, pause, now, askForToken }: Omit<ConnectSurroundings, 'open'> & { askForToken(): Promise<string> }
): Promise<boolean> {
  const isKept = (await api.listForges({})).items.some(
    ({ kind, source }) => kind === 'gitlab' && source === 'connected'
  )
  const token = wanted.token ?? (isKept && wanted.replace !== true ? undefined : await askForToken())
  const done = await api.connectGitLab({ ...wanted, ...(token === undefined ? {} : { token }) })
  print(`ok ${done.project}, with the token of ${done.account}`)
  if (done.hook !== null) print(`ok its webhook is ${done.hook}: pushes, tags and merge requests to ${done.webhookUrl}`)
  for (const problem of done.problems) print(problemLine(problem))
  if (done.problems.length > 0) {
    print('   once that is mended, call this again')
    return false
  }
  if (done.mode === 'polling') print(`!! polling: ${done.reason}`)
  else if (done.isDelivered) print('ok GitLab tried it, and the delivery came')
  else {
    print('   there is nothing to deliver yet: push, and GitLab does')
    return true
  }
  return finish(await untilDelivered(api, done.forgeId, { print, pause, now }), print)
}
