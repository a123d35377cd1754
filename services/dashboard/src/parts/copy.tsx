import { useState } from 'preact/hooks'

/** A command or an address, and a button that takes it along. */
export function CopyField({ label, text }: { label: string; text: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <div class="copy-field">
      {/* It scrolls, so it can be reached by keyboard. */}
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button type="button" class="button small" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}
