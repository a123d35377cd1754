import { spansOf } from './ansi.ts'

/** What a program wrote: its colours, and where the search found something. */
export function LogText({ text, search = '' }: { text: string; search?: string }) {
  return (
    <span class="text">
      {spansOf(text).map(({ text, classes }, index) => (
        <span key={index} {...(classes === '' ? {} : { class: classes })}>
          {search === '' ? text : marked(text, search)}
        </span>
      ))}
    </span>
  )
}

function marked(text: string, search: string) {
  const parts = []
  const lower = text.toLowerCase()
  const wanted = search.toLowerCase()
  let from = 0
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>)
    from = at + wanted.length
  }
  return [...parts, text.slice(from)]
}
