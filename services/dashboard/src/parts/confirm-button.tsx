import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'
import { useAction } from './use-action.ts'

/** A button whose deed is told before it is done, in a dialog of the browser's own: it holds the focus and closes by Escape. */
export function ConfirmButton({
  label,
  title,
  confirm,
  tone = 'plain',
  isSmall = true,
  isDisabled = false,
  children,
  onConfirm
}: {
  label: string
  title: string
  /** The button in the dialog, a verb. */
  confirm: string
  tone?: 'plain' | 'danger' | 'primary'
  isSmall?: boolean
  isDisabled?: boolean
  children: ComponentChildren
  onConfirm: () => Promise<string | null>
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const { isRunning, run } = useAction()
  const close = () => dialog.current?.close()
  return (
    <>
      <button
        type="button"
        class={`button ${tone} ${isSmall ? 'small' : ''}`}
        disabled={isDisabled || isRunning}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id} class="dialog">
        <h2 id={id}>{title}</h2>
        <div class="dialog-text">{children}</div>
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Keep it as it is
          </button>
          <button
            type="button"
            class={`button ${tone === 'danger' ? 'danger' : 'primary'}`}
            onClick={() => {
              close()
              run(onConfirm)
            }}
          >
            {confirm}
          </button>
        </div>
      </dialog>
    </>
  )
}
