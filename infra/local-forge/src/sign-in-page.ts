import type { FastifyReply } from 'fastify'
import { html } from './html.ts'
import type { Account } from './state.ts'

export type SignInPage =
  | { problem: string }
  | { action: string; asked: Record<string, string | undefined>; accounts: Account[] }

/** Who are you? Nobody has a password here. */
export function signInPage(reply: FastifyReply, page: SignInPage): FastifyReply {
  const content =
    'problem' in page
      ? html`<h1>Cannot sign in</h1><p>${page.problem}</p>`
      : html`<h1>Sign in to Slipway</h1><p class="quiet">Nobody has a password here: choose who you are.</p>
        <form method="post" action="${page.action}">
        ${Object.entries(page.asked).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value ?? ''}">`)}
        ${page.accounts.map((account) => html`<p><button name="sign_in_as" value="${account.login}">Sign in as ${account.login}</button></p>`)}
        <p><button>Cancel</button></p></form>`
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Local forge</title><link rel="stylesheet" href="/-/style.css"></head>
<body><header><strong>Local forge</strong></header><main>${content}</main></body></html>`
  return reply
    .code('problem' in page ? 400 : 200)
    .header('content-security-policy', "default-src 'none'; style-src 'self'; frame-ancestors 'none'")
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .type('text/html; charset=utf-8')
    .send(document.markup)
}
