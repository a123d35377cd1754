import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Core } from './core.ts'
import type { InstallationOperations } from './github.ts'
import type { Installations } from './github-app.ts'
import { type Html, html } from './html.ts'
import type { Manifests } from './manifests-github.ts'
import { layout, sendPage } from './page.ts'
import { refusal, statusCodeOf } from './rest.ts'
import type { Account, App } from './state.ts'

export interface ManifestPageDeps {
  core: Core
  app: App
  installations: Installations
  manifests: Manifests
  operations: Pick<InstallationOperations, 'installApp' | 'selectRepositories'>
}

/** What people see at GitHub while an App is made of a manifest and installed. */
export function addManifestPages(server: FastifyInstance, deps: ManifestPageDeps): void {
  const { core, app, manifests } = deps
  void server.register(async (scope) => {
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body)))
    )
    const show = (reply: FastifyReply, status: number, page: Html) => sendPage(reply, status, layout('github', page))
    scope.setErrorHandler((err, _request, reply) =>
      show(reply, statusCodeOf(err), html`<h1>${err instanceof Error ? err.message : 'Something went wrong'}</h1>`)
    )

    for (const path of ['/settings/apps/new', '/organizations/:org/settings/apps/new']) {
      scope.post<{ Params: { org?: string }; Body: URLSearchParams; Querystring: { state?: string } }>(
        path,
        (request, reply) => {
          const text = request.body.get('manifest') ?? ''
          const { name = '' } = manifests.read(text)
          const { org } = request.params
          return show(reply, 200, registrationPage({ text, name, state: request.query.state ?? '', org: org ?? '' }))
        }
      )
    }
    scope.post<{ Body: URLSearchParams }>('/settings/apps', async (request, reply) => {
      const field = (name: string) => request.body.get(name) ?? ''
      const manifest = manifests.read(field('manifest'))
      const organization = field('organization') === '' ? null : field('organization')
      const code = await manifests.register(manifest, { name: field('name'), organization })
      if (manifest.redirect_url === undefined) return show(reply, 200, html`<h1>${field('name')} was created</h1>`)
      return reply.redirect(withQuery(manifest.redirect_url, { code, state: field('state') }), 302)
    })

    scope.get<{ Params: { slug: string }; Querystring: { state?: string } }>(
      '/apps/:slug/installations/new',
      (request, reply) => {
        assertApp(app, request.params.slug)
        return show(reply, 200, installPage(deps, request.query.state ?? ''))
      }
    )
    scope.post<{ Params: { slug: string }; Body: URLSearchParams }>('/apps/:slug/installations', (request, reply) => {
      assertApp(app, request.params.slug)
      const { id, action } = install(deps, request.body)
      const setupUrl = app.manifest?.setupUrl ?? null
      const state = request.body.get('state') ?? ''
      if (setupUrl === null) return reply.redirect(`${core.address().url}/settings/installations/${id}`, 302)
      const about = { installation_id: String(id), setup_action: action, ...(state === '' ? {} : { state }) }
      return reply.redirect(withQuery(setupUrl, about), 302)
    })
  })
}

function assertApp(app: App, slug: string): void {
  if (app.slug !== slug) throw refusal(404, 'Not Found')
}

function withQuery(url: string, query: Record<string, string>): string {
  const address = new URL(url)
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value)
  return address.href
}

function registrationPage({
  text,
  name,
  state,
  org
}: {
  text: string
  name: string
  state: string
  org: string
}): Html {
  return html`<h1>Create a GitHub App</h1>
    <div class="card"><form method="post" action="/settings/apps">
      <p><label>Name <input name="name" value="${name}" required maxlength="34"></label></p>
      <input type="hidden" name="manifest" value="${text}">
      <input type="hidden" name="state" value="${state}">
      <input type="hidden" name="organization" value="${org}">
      <p><button type="submit">Create App${org === '' ? '' : ` for ${org}`}</button></p>
    </form></div>`
}

/** An App that is not public can only be installed on the account that owns it. */
function accountsFor({ core, app }: Pick<ManifestPageDeps, 'core' | 'app'>): Account[] {
  const isPublic = app.manifest?.isPublic ?? true
  return core.state.data.accounts.filter(
    ({ id, login }) => login !== 'local-forge' && (isPublic || id === app.accountId)
  )
}

function installPage(deps: ManifestPageDeps, state: string): Html {
  const { core, app } = deps
  const cards = accountsFor(deps).map((account) => {
    const own = core.repositories.all().filter(({ ownerId }) => ownerId === account.id)
    const boxes = own.map(
      ({ id, name }) => html`<p><label><input type="checkbox" name="repository" value="${id}"> ${name}</label></p>`
    )
    return html`<div class="card"><form method="post" action="/apps/${app.slug}/installations">
      <p><strong>${account.login}</strong></p>
      <input type="hidden" name="account" value="${account.login}"><input type="hidden" name="state" value="${state}">
      <p><label><input type="radio" name="selection" value="all" checked> All repositories</label></p>
      <p><label><input type="radio" name="selection" value="selected"> Only these</label></p>
      ${boxes}<p><button type="submit">Install</button></p></form></div>`
  })
  return html`<h1>Install ${app.manifest?.name ?? app.slug}</h1>${cards}`
}

function install(deps: ManifestPageDeps, fields: URLSearchParams): { id: number; action: 'install' | 'update' } {
  const login = fields.get('account') ?? ''
  const account = accountsFor(deps).find((one) => one.login === login)
  if (account === undefined) throw refusal(404, 'Not Found')
  const ids = fields.getAll('repository').map(Number)
  const selected = fields.get('selection') === 'selected' ? ids : null
  const known = deps.installations.ofOwner(account.id)
  if (known === null) return { id: deps.operations.installApp(login, selected ?? undefined).id, action: 'install' }
  if (selected !== null) deps.operations.selectRepositories(login, selected)
  return { id: known.id, action: 'update' }
}
