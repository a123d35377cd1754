import { hueOf, initialsOf } from '../words/initials.ts'

/** Stands for an owner or a person. Drawn here: a picture from elsewhere would tell that place who looks at what. */
export function Avatar({ name }: { name: string }) {
  return (
    <span class="avatar" style={{ '--hue': hueOf(name) }} aria-hidden="true">
      {initialsOf(name)}
    </span>
  )
}
