import { shortCommit } from '@slipway/domain'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Commit, Ref } from './commits.ts'
import type { Core } from './core.ts'
import type { Deliveries, LocalDelivery } from './deliveries.ts'
import { type Html, html, link } from './html.ts'
import type { CommitReport } from './reports.ts'
import type { HostedRepository } from './repositories.ts'

export interface PageDeps {
  core: Core
  deliveries: Deliveries
  reportsOn(repository: HostedRepository, commit: string): CommitReport[]
}

const deliveriesShown = 50
const commitsShown = 30
const bodyCharactersShown = 200_000

/** What the forge holds, to look at: repositories, what stands on their commits, and what became of each webhook. */
export function createPages({ core, deliveries, reportsOn }: PageDeps) {
  const { repositories, commits, now } = core
  const kind = core.state.data.kind

  async function overview(): Promise<Html> {
    const rows = await Promise.all(repositories.all().map(repositoryRow))
    const sent = deliveries.all().toReversed().slice(0, deliveriesShown)
    return html`<h2>Repositories</h2>
      <div class="card">${rows.length === 0 ? html`<p class="quiet">None was created yet.</p>` : html`<table>${rows}</table>`}</div>
      <h2>Webhook deliveries</h2>
      ${deliveryTable(sent, now())}`
  }

  async function repositoryRow(repository: HostedRepository): Promise<Html> {
    const id = await commits.resolve(repository, `refs/heads/${repository.defaultBranch}`)
    const head = id === null ? null : await commits.find(repository, id)
    return html`<tr>
      <td>${link(`/${repository.fullName}`, repository.fullName)} ${marks(repository)}</td>
      <td>${head === null ? html`<span class="quiet">empty</span>` : commitLine(repository, head)}</td>
      <td>${head === null ? null : states(reportsOn(repository, head.id))}</td>
    </tr>`
  }

  async function repositoryPage(repository: HostedRepository): Promise<Html> {
    const refs = await commits.refs(repository)
    const head = await commits.resolve(repository, `refs/heads/${repository.defaultBranch}`)
    const history = head === null ? [] : await commits.history(repository, head, commitsShown)
    const sent = deliveries.all().filter((delivery) => delivery.repositoryId === repository.id)
    return html`<h1>${repository.fullName} ${marks(repository)}</h1>
      <p class="quiet">id ${repository.id}, clone <code>${core.address().url}/${repository.fullName}.git</code></p>
      <h2>Commits of ${repository.defaultBranch}</h2>
      <div class="card">${
        history.length === 0
          ? html`<p class="quiet">Nothing was pushed to ${repository.defaultBranch} yet.</p>`
          : html`<table>${history.map((commit) => commitRow(repository, commit))}</table>`
      }</div>
      ${refs.length === 0 ? null : html`<h2>Refs</h2><div class="card"><table>${refs.map((ref) => refRow(repository, ref))}</table></div>`}
      <h2>Webhook deliveries</h2>
      ${deliveryTable(sent.toReversed().slice(0, deliveriesShown), now())}`
  }

  function commitRow(repository: HostedRepository, commit: Commit): Html {
    const reports = reportsOn(repository, commit.id)
    return html`<tr><td>${commitLine(repository, commit)}
      <span class="quiet">${commit.author.name}</span></td><td>${states(reports)}</td></tr>`
  }

  async function commitPage(repository: HostedRepository, id: string): Promise<Html | null> {
    const commit = await commits.find(repository, id)
    if (commit === null) return null
    const reports = reportsOn(repository, commit.id)
    return html`<h1>${firstLine(commit.message)}</h1>
      <p class="quiet">${link(`/${repository.fullName}`, repository.fullName)} <code>${commit.id}</code>
        by ${commit.author.name}, ${commit.author.date}</p>
      ${commit.message.includes('\n') ? html`<div class="card"><pre>${commit.message}</pre></div>` : null}
      <h2>What stands on this commit</h2>
      ${reports.length === 0 ? html`<div class="card"><p class="quiet">Nothing was reported.</p></div>` : null}
      ${reports.map((report) => reportCard(report, now()))}`
  }

  function deliveryPage(id: number): Html | null {
    const delivery = deliveries.all().find((candidate) => candidate.id === id)
    if (delivery === undefined) return null
    const headers = Object.entries(delivery.requestHeaders).filter(([name]) => name !== 'x-gitlab-token')
    return html`<h1>${delivery.event} ${delivery.action}</h1>
      <p class="quiet">${delivery.deliveryId} to ${delivery.url}</p>
      <h2>Answer</h2>
      <div class="card"><p>${outcome(delivery)} <span class="quiet">${duration(delivery)}</span></p>
        ${delivery.responseBody ? html`<pre>${delivery.responseBody}</pre>` : null}</div>
      <h2>Request</h2>
      <div class="card"><pre>${headers.map(([name, value]) => `${name}: ${value}`).join('\n')}</pre></div>
      <h2>Body</h2>
      <div class="card"><pre>${prettyBody(delivery.body)}</pre></div>`
  }

  async function find(path: string): Promise<Html | null> {
    if (path === '/') return overview()
    const delivery = /^\/-\/deliveries\/([0-9]{1,15})$/.exec(path)
    if (delivery !== null) return deliveryPage(Number(delivery[1]))
    const [, fullName = '', commit] = /^\/(.+?)(?:(?:\/-)?\/commit\/([0-9a-f]{40,64}))?$/.exec(path) ?? []
    const repository = repositories.byName(fullName)
    if (repository === null) return null
    return commit === undefined ? repositoryPage(repository) : commitPage(repository, commit)
  }

  /** The page of a path; a check run's page is its commit's. */
  return async function servePage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const path = request.url.split('?', 1)[0] ?? '/'
    const run = /^\/(.+)\/runs\/([0-9]{1,15})$/.exec(path)
    const found = run === null ? null : core.state.data.checkRuns.find((candidate) => candidate.id === Number(run[2]))
    const repository = found == null ? null : repositories.byId(found.repositoryId)
    if (found != null && repository !== null) return reply.redirect(`/${repository.fullName}/commit/${found.commit}`)
    const content = await find(path)
    const body = layout(kind, content ?? html`<h1>Not found</h1><p>Nothing is here.</p>`)
    return sendPage(reply, content === null ? 404 : 200, body)
  }
}

export function sendPage(reply: FastifyReply, status: number, page: Html): FastifyReply {
  return reply
    .code(status)
    .header('content-security-policy', "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'")
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page.markup)
}

export function layout(kind: string, content: Html): Html {
  const name = kind === 'github' ? 'GitHub' : 'GitLab'
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Local forge</title><link rel="stylesheet" href="/-/style.css"><link rel="icon" href="/-/avatar.svg"></head>
<body><header><strong><a href="/">Local forge</a></strong> <span class="quiet">in the form of ${name}</span></header>
<main><p class="notice">For trying Slipway and for its tests. This is no production git host: everybody who reaches this page sees everything.</p>
${content}<footer></footer></main></body></html>`
}

function marks(repository: HostedRepository): Html {
  return html`${repository.isPrivate ? html`<span class="tag">private</span> ` : null}${repository.isArchived ? html`<span class="tag">archived</span>` : null}`
}

function commitLine(repository: HostedRepository, commit: Commit): Html {
  const address = `/${repository.fullName}/commit/${commit.id}`
  return html`<code>${link(address, shortCommit(commit.id))}</code> ${firstLine(commit.message)}`
}

function refRow(repository: HostedRepository, ref: Ref): Html {
  const isCommit = ref.objectType === 'commit'
  const target = isCommit ? `/${repository.fullName}/commit/${ref.objectId}` : null
  return html`<tr><td>${ref.ref}</td><td><code>${link(target, shortCommit(ref.objectId))}</code></td></tr>`
}

function states(reports: CommitReport[]): Html {
  return html`${reports.map((report) => html`<div>${state(report.state)} ${report.context}</div>`)}`
}

const tones: Record<string, string> = {
  success: 'good',
  delivered: 'good',
  failure: 'bad',
  failed: 'bad',
  error: 'bad',
  timed_out: 'bad',
  action_required: 'bad',
  queued: 'busy',
  pending: 'busy',
  running: 'busy',
  in_progress: 'busy'
}

function state(word: string): Html {
  return html`<span class="state ${tones[word] ?? 'quiet'}">${word.replaceAll('_', ' ')}</span>`
}

function reportCard(report: CommitReport, at: number): Html {
  return html`<div class="card"><p>${state(report.state)} <strong>${report.context}</strong> ${report.description}
    <span class="quiet">${ago(report.updatedAt, at)}</span> ${report.targetUrl === null ? null : link(report.targetUrl, 'Details')}</p>
    ${report.annotations.map((note) => html`<p>${state(note.level)} <code>${note.path}:${note.line}</code> ${note.message}</p>`)}
    ${report.text === null ? null : html`<pre>${report.text}</pre>`}</div>`
}

function deliveryTable(sent: LocalDelivery[], at: number): Html {
  if (sent.length === 0) return html`<div class="card"><p class="quiet">None was sent yet.</p></div>`
  const rows = sent.map(
    (delivery) => html`<tr>
      <td>${link(`/-/deliveries/${delivery.id}`, [delivery.event, delivery.action].filter(Boolean).join(' '))}
        ${delivery.isRedelivery ? html`<span class="tag">again</span>` : null}</td>
      <td>${delivery.repositoryName}</td>
      <td>${outcome(delivery)}</td>
      <td class="tight">${duration(delivery)}</td>
      <td class="tight quiet">${ago(delivery.at, at)}</td>
    </tr>`
  )
  return html`<div class="card"><table>
    <tr><th>Event</th><th>Repository</th><th>Answer</th><th>Took</th><th>When</th></tr>${rows}</table></div>`
}

function outcome(delivery: LocalDelivery): Html {
  return html`${state(delivery.status)} ${delivery.responseStatus} ${delivery.error}`
}

function duration(delivery: LocalDelivery): string {
  return delivery.durationMs === null ? '' : `${delivery.durationMs} ms`
}

function ago(then: number, at: number): Html {
  const seconds = Math.max(0, Math.round((at - then) / 1000))
  const text =
    seconds < 60
      ? `${seconds} s ago`
      : seconds < 3600
        ? `${Math.round(seconds / 60)} min ago`
        : `${Math.round(seconds / 3600)} h ago`
  return html`<time title="${new Date(then).toISOString()}">${text}</time>`
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? ''
}

function prettyBody(body: string | null): string {
  if (body === null) return 'Let go to bound the memory.'
  return JSON.stringify(JSON.parse(body), null, 2).slice(0, bodyCharactersShown)
}
