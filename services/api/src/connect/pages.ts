import { createHash } from 'node:crypto'
import type { InternalApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { under } from '../access.ts'

export interface ConnectPageDeps {
  internal: Pick<InternalApi, 'connectionForm' | 'convertConnection' | 'lookForInstallations'>
  /** Of GitHub. */
  forgeId: string
  signalOf(reply: FastifyReply): AbortSignal
  now: () => number
}

/** Whoever has the state of an attempt may go on with it: nobody else knows it, and it is good once. */
const open = { ...under({ action: 'see-public', on: 'public' }), schema: { hide: true } }

/** Strangers may open the last page as often as they like. */
const lookEveryMs = 5000

const style = `:root{color-scheme:light dark}body{max-width:34rem;margin:12vh auto;padding:0 1.25rem;font:16px/1.55 system-ui,sans-serif}
h1{font-size:1.4rem}button{font:inherit;padding:.6rem 1.1rem;border-radius:.5rem;border:1px solid;cursor:pointer}`
const styleHash = (css: string) => `'sha256-${createHash('sha256').update(css).digest('base64')}'`

type Query = Record<string, string | string[] | undefined>

/** The pages between us and GitHub while an App is made of a manifest and installed. */
export function addConnectPages(app: FastifyInstance, deps: ConnectPageDeps): void {
  const { internal, forgeId, signalOf, now } = deps
  const styles = styleHash(style)
  let lookedAt = Number.NEGATIVE_INFINITY

  function show(reply: FastifyReply, status: number, title: string, body: string, formTarget = "'none'") {
    return (
      reply
        .code(status)
        .header('cache-control', 'no-store')
        .header(
          'content-security-policy',
          `default-src 'none'; style-src ${styles}; form-action ${formTarget}; base-uri 'none'; frame-ancestors 'none'`
        )
        // The state stands in the address.
        .header('referrer-policy', 'no-referrer')
        .header('x-content-type-options', 'nosniff')
        .type('text/html; charset=utf-8')
        .send(
          `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
            `<title>${escaped(title)} · Slipway</title><style>${style}</style></head><body><main><h1>${escaped(title)}</h1>${body}</main></body></html>`
        )
    )
  }

  /** What went wrong, in words. What was not foreseen is not described. */
  async function orExplain(reply: FastifyReply, work: () => Promise<FastifyReply>): Promise<FastifyReply> {
    try {
      return await work()
    } catch (err) {
      if (!(err instanceof Failure)) throw err
      return show(reply, err.statusCode, 'This did not work', `<p>${escaped(err.message)}</p>`)
    }
  }

  app.get('/connect/github', open, (request, reply) =>
    orExplain(reply, async () => {
      const { formUrl, manifest } = await internal.connectionForm(one(request, 'state'), signalOf(reply))
      const { origin, hostname } = new URL(formUrl)
      return show(
        reply,
        200,
        `Connect ${hostname}`,
        `<p>${escaped(hostname)} makes an App that belongs to you, with the permissions that Slipway needs and no others, and asks you for its name. Afterwards you choose the repositories that it sees.</p>` +
          `<form method="post" action="${escaped(formUrl)}"><input type="hidden" name="manifest" value="${escaped(manifest)}"><button type="submit">Continue to ${escaped(hostname)}</button></form>`,
        origin
      )
    })
  )

  app.get('/connect/github/callback', open, (request, reply) =>
    orExplain(reply, async () => {
      const [state, code] = [one(request, 'state'), one(request, 'code')]
      const { installUrl } = await internal.convertConnection(state, code, signalOf(reply))
      return reply
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .redirect(installUrl, 303)
    })
  )

  // Of the address nothing is believed: GitHub itself is asked where the App is installed, and tells it by a signed delivery.
  app.get('/connect/github/setup', open, (_request, reply) =>
    orExplain(reply, async () => {
      if (now() - lookedAt >= lookEveryMs) {
        lookedAt = now()
        await internal.lookForInstallations(forgeId, signalOf(reply))
      }
      return show(
        reply,
        200,
        'The App is installed',
        '<p>Slipway asks GitHub itself which repositories it may see; what this address says of that is not believed. Those with a <code>stack.yml</code> are built at once, and from now on with each push.</p><p><a href="/">See it happen</a>, or run <code>slipway status</code>.</p>'
      )
    })
  )
}

/** @throws Failure `invalid-request` for a parameter that is missing, or there more than once */
function one(request: FastifyRequest, name: string): string {
  const value = ((request.query ?? {}) as Query)[name]
  if (typeof value === 'string' && value !== '' && value.length <= 512) return value
  throw new Failure(
    'invalid-request',
    `the address is not whole (${name} is missing): start again with "slipway connect github"`
  )
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
