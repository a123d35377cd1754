import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { formatClock, formatExact } from '../words/time.ts'
import { LogText } from './log-text.tsx'

/** Lines in a box of their own, which stays at the end while one does not scroll up. */
export function LogBox({
  label,
  lines,
  isFollowed,
  empty,
  children
}: {
  label: string
  /** What is shown: another list means that some came. */
  lines: readonly unknown[]
  isFollowed: boolean
  /** Stands where no line does. */
  empty: string
  children: ComponentChildren
}) {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useLayoutEffect(() => {
    // Whoever asks to follow wants to see the end.
    if (isFollowed) isAtEnd.current = true
  }, [isFollowed])
  // Before anything is drawn: a scroll that is heard of between would be taken for somebody's who goes up.
  useLayoutEffect(() => {
    const element = box.current
    if (element !== null && isFollowed && isAtEnd.current) element.scrollTop = element.scrollHeight
  }, [lines, isFollowed])
  return (
    <div
      ref={box}
      class="log-lines"
      tabIndex={0}
      role="log"
      aria-label={label}
      // Every line read aloud while hundreds come would be of no use.
      aria-live="off"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
      }}
    >
      {lines.length === 0 && <p class="note">{empty}</p>}
      {children}
    </div>
  )
}

export function LogSearch({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <input
      type="search"
      placeholder={label}
      aria-label={label}
      value={value}
      onInput={(event) => set(event.currentTarget.value)}
    />
  )
}

/** `mark`: what the line belongs to, where that is another than the line before. */
export function LogRow({
  at,
  stream,
  text,
  mark = '',
  markTitle,
  search
}: {
  at: number
  stream: string
  text: string
  mark?: string
  markTitle?: string
  search?: string
}) {
  return (
    <div class={`line stream-${stream}`}>
      <time title={formatExact(at)}>{formatClock(at)}</time>
      <span class="mark" title={markTitle ?? mark}>
        {mark}
      </span>
      <LogText text={text} {...(search === undefined ? {} : { search })} />
    </div>
  )
}
