import type { FastifyInstance, FastifyReply } from 'fastify'
import { under } from '../access.ts'

/*
 * The two pages that have to be there before anybody is signed in, and without the dashboard: the one that a one-time link opens,
 * and the one that says why a sign-in did not succeed.
 */

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:15vh auto 0;padding:0 1.5rem}
h1{font-size:1.4rem}
a{color:inherit}
.choice{display:inline-block;margin:.25rem .5rem .25rem 0;padding:.5rem 1rem;border:1px solid;border-radius:.5rem;text-decoration:none}
button.choice{font:inherit;color:inherit;background:none;cursor:pointer}
[hidden]{display:none!important}
dl{display:grid;grid-template-columns:auto 1fr;gap:.35rem 1rem}
dd{margin:0}
select{font:inherit}
`

/** Takes the link's word out of the address, so that it stays in no history, and keeps it over a sign-in in this tab alone. */
const claimScript = `const words = document.querySelector('#words')
const choices = document.querySelector('#choices')
const kept = 'slipway-claim'
const token = location.hash.slice(1) || sessionStorage.getItem(kept) || ''
history.replaceState(null, '', '/claim')
const say = (text) => { words.textContent = text }
async function claim() {
  if (token === '') return say('This page is opened by a link that "slipway admin claim" prints.')
  const response = await fetch('/auth/claim', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token })
  })
  if (response.ok) {
    sessionStorage.removeItem(kept)
    return location.replace('/')
  }
  if (response.status !== 401) {
    sessionStorage.removeItem(kept)
    return say((await response.json()).detail)
  }
  sessionStorage.setItem(kept, token)
  say('Sign in with the account that is to be the administrator.')
  const { providers } = await (await fetch('/api/v1/sign-in')).json()
  for (const { name, address } of providers) {
    const link = document.createElement('a')
    link.className = 'choice'
    link.href = address + '?return=%2Fclaim'
    link.textContent = 'Sign in with ' + name
    choices.append(link)
  }
}
claim().catch(() => say('Slipway does not answer. Load this page again.'))
`

export function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Slipway</title><link rel="stylesheet" href="/auth/page.css"></head>
<body><main><h1>${title}</h1>${content}</main></body></html>`
}

export function send(reply: FastifyReply, status: number, type: string, body: string): FastifyReply {
  return reply
    .code(status)
    .header('content-security-policy', policy)
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
    .type(`${type}; charset=utf-8`)
    .send(body)
}

export function addSignInPages(app: FastifyInstance): void {
  const files = {
    '/claim': [
      'getClaimPage',
      'text/html',
      page('Become the administrator', '<p id="words" role="status">One moment…</p><p id="choices"></p>').replace(
        '</head>',
        '<script type="module" src="/auth/claim.js"></script></head>'
      )
    ],
    '/auth/claim.js': ['getClaimScript', 'text/javascript', claimScript],
    '/auth/page.css': ['getSignInStyle', 'text/css', style]
  } as const
  for (const [path, [operationId, type, body]] of Object.entries(files)) {
    app.get(
      path,
      { ...under({ action: 'sign-in', on: 'public' }), schema: { operationId, summary: 'A page of the door' } },
      (_request, reply) => send(reply, 200, type, body)
    )
  }
}

/** A browser is told in words. */
export function sendProblem(reply: FastifyReply, status: number, message: string): FastifyReply {
  const words = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return send(
    reply,
    status,
    'text/html',
    page('You are not signed in', `<p>${words}</p><p><a class="choice" href="/">Back</a></p>`)
  )
}
