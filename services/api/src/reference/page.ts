import { createHash } from 'node:crypto'
import type { ApiReference, Call, FieldOfCall } from './document.ts'

const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h2{margin-top:2.5rem}
nav ul{columns:14rem;padding-left:1.2rem}
a{color:inherit}
details{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.55rem 0}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4.2rem}
code,pre{font:14px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{padding:.75rem;overflow-x:auto;background:color-mix(in srgb,currentColor 8%,transparent)}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}
th{font-weight:600}`

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
    `<p>${escaped(summary)}.</p>`,
    query.length > 0 ? tableOf('Query', query) : '',
    body.length > 0 ? tableOf('Body', body) : '',
    answer === '' ? '' : `<p>Answers <code>${escaped(answer)}</code></p>`,
    answerFields.length > 0 ? tableOf('Answer', answerFields) : ''
  ]
  return `<details><summary><b>${method}</b> <code>${escaped(path)}</code></summary>${parts.join('')}</details>`
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
