/** Markup that is known to be safe. */
export interface Html {
  readonly markup: string
}

type Value = string | number | null | Html | Html[]

/** A piece of a page. Everything that is put into it is escaped, but for other pieces. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  const markup = strings.reduce((text, part, i) => text + render(values[i - 1] ?? null) + part)
  return { markup }
}

function render(value: Value): string {
  if (value === null) return ''
  if (Array.isArray(value)) return value.map((piece) => piece.markup).join('')
  return typeof value === 'object' ? value.markup : escape(String(value))
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape(text: string): string {
  // oxlint-disable-next-line no-control-regex -- terminals' control characters have no place in a page
  const printable = text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '\u{fffd}')
  return printable.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** A link, or only its text when the address is neither a path of ours nor http: `javascript:` is one too. */
export function link(address: string | null, text: string): Html {
  const isSafe = address !== null && (/^https?:\/\//i.test(address) || /^\/(?!\/)/.test(address))
  return isSafe ? html`<a href="${address}" rel="noreferrer">${text}</a>` : html`${text}`
}
