import { CopyField } from './copy.tsx'

/** Something that is told now and never again. */
export function ShownOnce({ label, text, done }: { label: string; text: string; done: () => void }) {
  return (
    <div class="problem tone-good" role="status">
      <strong>Copy it now</strong>
      <p>It is shown this once, and nobody can look it up later.</p>
      <CopyField label={label} text={text} />
      <button type="button" class="button small" onClick={done}>
        Done
      </button>
    </div>
  )
}
