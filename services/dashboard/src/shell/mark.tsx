/** The sign of the house. */
export function Mark() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M6 22 26 12v5L6 27z" />
      <path d="M6 13 18 7v5L6 18z" opacity=".55" />
    </svg>
  )
}
