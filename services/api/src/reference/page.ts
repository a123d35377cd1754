import { createHash } from 'node:crypto'
import type { ApiReference, Call, FieldOfCall } from './document.ts'

// The colours and letters of the page.
const style = `:root{color-scheme:light dark;--ground:light-dark(#fafaf8,#0d0e10);--surface:light-dark(#fff,#141618);--line:light-dark(#e4e3de,#272b2f);--ink:light-dark(#16181b,#ecedeb);--soft:light-dark(#575b62,#a3a8af);--accent:light-dark(#0a6a69,#5fc9c1);font:14px/1.5 Inter,ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
body{margin:0;background:var(--ground);color:var(--ink)}
main{max-width:64rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{margin:0 0 1rem;font-size:22px;letter-spacing:-.01em}
h2{margin:2.5rem 0 .75rem;font-size:15px}
nav ul{columns:11rem;margin:1.5rem 0;padding:0;list-style:none}
nav li{padding:.15rem 0}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:3px}
a:hover{text-decoration-color:currentColor}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
details{padding:.6rem 1rem;background:var(--surface);border:1px solid var(--line);border-bottom-width:0}
h2+details{border-radius:8px 8px 0 0}
details:last-of-type,details:has(+h2){border-bottom-width:1px;border-radius:0 0 8px 8px}
h2+details:has(+h2){border-radius:8px}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4.8rem;color:var(--accent);font-weight:600}
summary span,p{color:var(--soft)}
summary span{margin-left:.75rem}
code,pre{font:12.5px/1.6 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{padding:.6rem .9rem;white-space:pre-wrap;background:var(--surface);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;margin:.75rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-top:1px solid var(--line)}
thead th{border:0;color:var(--soft);font-size:12px;font-weight:500}`

/** No script at all, nothing from elsewhere, and this one style. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** The reference as one page that needs no script. @param url where the API is */
export function apiPage({ title, sections, things }: ApiReference, url: string): string {
  const contents = [...sections.map(({ title }) => title), 'What comes back']
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head><body><main>
<h1>${escaped(title)}</h1>
<p>Made of <a href="/api/v1/openapi.json">the OpenAPI document</a> of this installation. Programs send a token:</p>
<pre>curl -H "Authorization: Bearer slw_…" ${escaped(url)}/api/v1/functions</pre>
<p>A token is made by <code>slipway tokens create</code>. What may not be seen answers 404. Errors are <code>application/problem+json</code> with a <code>code</code>.</p>
<nav aria-label="Contents"><ul>${contents.map((name) => `<li><a href="#${anchor(name)}">${escaped(name)}</a></li>`).join('')}</ul></nav>
${sections.map(({ title, calls }) => `<h2 id="${anchor(title)}">${escaped(title)}</h2>${calls.map(callOf).join('')}`).join('')}
<h2 id="${anchor('What comes back')}">What comes back</h2>
${things.map(({ name, about, fields }) => `<details id="${anchor(name)}"><summary><b>${escaped(name)}</b> ${escaped(about)}</summary>${tableOf(name, fields)}</details>`).join('')}
</main></body></html>`
}

function callOf({ method, path, summary, query, body, answer, answerFields }: Call): string {
  const parts = [
    query.length > 0 ? tableOf('Query', query) : '',
    body.length > 0 ? tableOf('Body', body) : '',
    answer === '' ? '' : `<p>Answers <code>${escaped(answer)}</code></p>`,
    answerFields.length > 0 ? tableOf('Answer', answerFields) : ''
  ]
  return `<details><summary><b>${method}</b> <code>${escaped(path)}</code> <span>${escaped(summary)}</span></summary>${parts.join('')}</details>`
}

function tableOf(name: string, fields: FieldOfCall[]): string {
  const rows = fields.map(
    ({ name, type, isRequired, about }) =>
      `<tr><td><code>${escaped(name)}</code></td><td><code>${escaped(type)}</code></td><td>${isRequired ? '' : 'optional'}</td><td>${escaped(about)}</td></tr>`
  )
  return `<table aria-label="${escaped(name)}"><thead><tr><th>${escaped(name)}</th><th>type</th><th></th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

const anchor = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
