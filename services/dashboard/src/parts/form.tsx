import type { ComponentChildren } from 'preact'
import { useAction } from './use-action.ts'

/** Fields and the button that does something with them. While that runs the button waits, and what came of it is told. */
export function ActionForm({
  label,
  busy,
  onSubmit,
  isInline = false,
  isDisabled = false,
  className = isInline ? 'inline-form' : 'form',
  children
}: {
  /** The button's, a verb. */
  label: string
  /** What the button says meanwhile. */
  busy: string
  onSubmit: () => Promise<string | null>
  isInline?: boolean
  isDisabled?: boolean
  className?: string
  children: ComponentChildren
}) {
  const { isRunning, run } = useAction()
  return (
    <form
      class={className}
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        run(onSubmit)
      }}
    >
      {children}
      <button type="submit" class="button primary" disabled={isRunning || isDisabled}>
        {isRunning ? busy : label}
      </button>
    </form>
  )
}

interface InputProps {
  required?: boolean
  placeholder?: string
  maxLength?: number
  pattern?: string
  /** What the pattern means, in words. */
  title?: string
}

export function TextField({
  label,
  value,
  set,
  ...rest
}: { label: string; value: string; set: (value: string) => void } & InputProps) {
  return (
    <label>
      {label}
      <input {...rest} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  )
}

/** What nobody beside one is to read. */
export function SecretField({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <label>
      {label}
      <input type="password" required value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  )
}

export function NumberField({
  label,
  value,
  set,
  ...rest
}: {
  label: string
  value: number
  set: (value: number) => void
  min: number
  max: number
}) {
  return (
    <label>
      {label}
      <input
        {...rest}
        required
        type="number"
        value={value}
        onInput={(event) => set(event.currentTarget.valueAsNumber)}
      />
    </label>
  )
}

/** One of a few, by key. */
export function Choice<K extends string>({
  label,
  value,
  set,
  options
}: {
  label: string
  value: K
  set: (value: K) => void
  options: readonly (readonly [key: K, label: string])[]
}) {
  return (
    <label>
      {label}
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = options[currentTarget.selectedIndex]
          if (chosen !== undefined) set(chosen[0])
        }}
      >
        {options.map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}

export function Check({ label, value, set }: { label: string; value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  )
}
