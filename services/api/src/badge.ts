import type { Store } from '@slipway/domain'
import type { FastifyInstance } from 'fastify'
import { type Access, under } from './access.ts'

/** Widths of 11 px Verdana-like text, near enough for a badge. */
const characterPx = 6.6

const colours: Record<string, string> = {
  live: '#2e7d32',
  failing: '#c62828',
  building: '#1565c0',
  paused: '#6d4c41',
  unknown: '#616161'
}

/** An SVG badge like those of continuous-integration services. Both texts are plain words, escaped all the same. */
function badgeSvg(label: string, state: string): string {
  const left = Math.round(label.length * characterPx) + 12
  const right = Math.round(state.length * characterPx) + 12
  const text = (x: number, words: string) => `<text x="${x}" y="14" text-anchor="middle">${escape(words)}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${escape(label)}: ${escape(state)}">`,
    `<rect rx="3" width="${left + right}" height="20" fill="#424242"/>`,
    `<rect rx="3" x="${left}" width="${right}" height="20" fill="${colours[state] ?? colours.unknown}"/>`,
    `<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${text(left / 2, label)}${text(left + right / 2, state)}</g>`,
    '</svg>'
  ].join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

export function addBadgeRoute(app: FastifyInstance, store: Store, { may }: Pick<Access, 'may'>): void {
  app.get<{ Params: { owner: string; file: string } }>(
    '/badge/:owner/:file',
    {
      ...under({ action: 'see-public', on: 'public' }),
      schema: {
        operationId: 'getBadge',
        summary: "A function's state as SVG; a private repository's is unknown to whoever may not see it"
      }
    },
    async (request, reply) => {
      const { owner, file } = request.params
      const name = file.replace(/\.svg$/, '')
      const isSeen = await may(request, { action: 'see-badge', on: 'function' }, { owner, name })
      const isPersonal = request.headers.authorization !== undefined || request.headers.cookie !== undefined
      reply.type('image/svg+xml').header('cache-control', isPersonal ? 'private, no-store' : 'no-cache')
      // A function that may not be seen looks like one that does not exist.
      return badgeSvg(name, isSeen ? await stateOf(store, owner, name) : 'unknown')
    }
  )
}

async function stateOf(store: Store, slug: string, name: string): Promise<string> {
  const owner = await store.owners.findBySlug(slug)
  const record = owner === null ? null : await store.functions.get(owner.id, name)
  if (record === null) return 'unknown'
  if (record.isPaused) return 'paused'
  const filter = { repositoryId: record.repositoryId ?? '' }
  const [last] = await store.builds.list(record.ownerId, filter, { before: null, limit: 1 })
  if (last?.status === 'failed' || last?.status === 'error') return 'failing'
  if (last?.status === 'building' || last?.status === 'deploying') return 'building'
  return record.liveDeploymentId === null ? 'unknown' : 'live'
}
