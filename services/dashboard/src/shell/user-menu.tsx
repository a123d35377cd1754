import { adminHref } from '../addresses.ts'
import { send } from '../live/call.ts'
import { useMe } from '../live/use-me.ts'
import { Avatar } from '../parts/avatar.tsx'
import { useAction } from '../parts/use-action.ts'

/** Who one is, and the way out. */
export function UserMenu() {
  const me = useMe()
  const { isRunning, run } = useAction()
  const leave = (path: string) =>
    run(async () => {
      await send(path, { method: 'POST' })
      location.assign('/')
      return null
    })
  return (
    <nav class="user" aria-label="You">
      {me.isAdministrator && <a href={adminHref()}>Administration</a>}
      <details class="menu">
        <summary>
          <Avatar name={me.login ?? me.name} />
          <span class="clip">{me.login ?? me.name}</span>
        </summary>
        <div>
          {me.isAdministrator && (
            <a href={adminHref()} class="only-narrow">
              Administration
            </a>
          )}
          <button type="button" disabled={isRunning} onClick={() => leave('/auth/sign-out')}>
            Sign out
          </button>
          <button type="button" disabled={isRunning} onClick={() => leave('/auth/sign-out-everywhere')}>
            Sign out everywhere
          </button>
        </div>
      </details>
    </nav>
  )
}
