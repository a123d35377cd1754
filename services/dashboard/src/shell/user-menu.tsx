/** Where the administrator's pages are. */
export function UserMenu() {
  return (
    <nav class="user" aria-label="You">
      <a href="/admin">Administration</a>
    </nav>
  )
}
