import { TerminalQuestion } from '@slipway/client'
import { Failure } from '@slipway/domain'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { under } from '../access.ts'
import { page, send } from './pages.ts'

/** What `slipway login` says of itself in the address: nothing of it is secret, and nothing of it is believed. */
const Asked = Type.Object(
  {
    ...TerminalQuestion,
    state: TerminalQuestion.challenge,
    /** Where the command listens, on the machine of whoever looks at the page. */
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
    owner: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,30}$' }))
  },
  { additionalProperties: false }
)

/** Goes nowhere but to the command that asked: the port, which `api` has seen to be a number, of this very machine. */
const script = `const asked = new URLSearchParams(location.search)
const at = (id) => document.querySelector('#' + id)
const say = (text) => { at('words').textContent = text }
const back = (answer) => {
  const there = new URLSearchParams({ ...answer, state: asked.get('state') })
  location.replace('http://127.0.0.1:' + Number(asked.get('port')) + '/?' + there)
}
const scopes = ['read', 'deploy', 'admin']
const rights = ['read', 'write', 'admin']
const scope = asked.get('scope')
const days = Number(asked.get('expiresInDays') ?? 90)

async function askToSignIn() {
  say('Sign in first: then you are asked whether the command may come in.')
  const { providers } = await (await fetch('/api/v1/sign-in')).json()
  for (const { name, address } of providers) {
    const link = document.createElement('a')
    link.className = 'choice'
    link.href = address + '?' + new URLSearchParams({ return: location.pathname + location.search })
    link.textContent = 'Sign in with ' + name
    at('choices').append(link)
  }
  if (providers.length === 0) say('Nobody can sign in here by an account. Open a link of "slipway admin claim --session" in this browser and load this page again, or use "slipway login --token".')
}

async function letIn() {
  at('yes').disabled = true
  const response = await fetch('/api/v1/owners/' + encodeURIComponent(at('owner').value) + '/terminal-tickets', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ challenge: asked.get('challenge'), host: asked.get('host'), scope, expiresInDays: days })
  })
  const answer = await response.json()
  if (response.ok) return back({ ticket: answer.ticket })
  at('yes').disabled = false
  say(answer.detail)
}

async function ask() {
  const response = await fetch('/api/v1/me')
  if (response.status === 401) return askToSignIn()
  const me = await response.json()
  if (!response.ok) return say(me.detail)
  const owners = me.owners
    .filter(({ slug, right }) => rights.indexOf(right) >= scopes.indexOf(scope) && (asked.get('owner') ?? slug) === slug)
  at('no').addEventListener('click', () => back({ error: 'cancelled' }))
  at('no').hidden = false
  if (owners.length === 0) {
    return say('You, ' + me.name + ', may not give a token for "' + scope + '" of ' + (asked.get('owner') ?? 'any owner') + '.')
  }
  for (const { slug } of owners) at('owner').append(new Option(slug, slug))
  at('who').textContent = me.login ?? me.name
  at('until').textContent = new Date(Date.now() + days * 86400000).toLocaleDateString(undefined, { dateStyle: 'long' })
  at('question').hidden = false
  at('yes').hidden = false
  at('yes').addEventListener('click', () => letIn().catch(() => { at('yes').disabled = false; say('Slipway does not answer. Try again.') }))
  say('Only go on if it was you who just called "slipway login" there.')
}
ask().catch(() => say('Slipway does not answer. Load this page again.'))
`

const what = {
  read: 'see what is there',
  deploy: 'build, deploy, roll back, pause and scale',
  admin: 'everything, with secrets, variables, settings and tokens'
} as const

/** The page that a command's browser opens: what asks is shown to who is signed in, and let in or not. */
export function addTerminalPage(app: FastifyInstance): void {
  const open = under({ action: 'sign-in', on: 'public' })
  app.get<{ Querystring: Static<typeof Asked> }>(
    '/terminal',
    {
      ...open,
      attachValidation: true,
      schema: { operationId: 'getTerminalPage', summary: 'Asks whether a command may come in', querystring: Asked }
    },
    ({ query, validationError }, reply) => show(reply, validationError === undefined ? query : null)
  )
  app.get(
    '/auth/terminal.js',
    { ...open, schema: { operationId: 'getTerminalScript', summary: 'A page of the door' } },
    (_request, reply) => send(reply, 200, 'text/javascript', script)
  )
}

function show(reply: FastifyReply, asked: Static<typeof Asked> | null): FastifyReply {
  const title = 'Let the command line in?'
  if (asked === null) {
    const { statusCode } = new Failure('invalid-request', 'not whole')
    const words = '<p>The address is not whole: open the one that <code>slipway login</code> printed.</p>'
    return send(reply, statusCode, 'text/html', page(title, words))
  }
  // Each of these is of letters, digits, dots and dashes alone: see the schema.
  const { host, scope } = asked
  const content = `<div id="question" hidden><dl>
<dt>Asks</dt><dd><code>slipway login</code> on a machine that calls itself <strong>${host}</strong></dd>
<dt>As</dt><dd id="who"></dd>
<dt><label for="owner">For the owner</label></dt><dd><select id="owner"></select></dd>
<dt>May</dt><dd>${what[scope]} (${scope})</dd>
<dt>Until</dt><dd id="until"></dd>
</dl></div>
<p id="words" role="status">One moment…</p>
<p id="choices"><button class="choice" id="yes" hidden>Let it in</button><button class="choice" id="no" hidden>No</button></p>`
  const head = '<script type="module" src="/auth/terminal.js"></script></head>'
  return send(reply, 200, 'text/html', page(title, content).replace('</head>', head))
}
