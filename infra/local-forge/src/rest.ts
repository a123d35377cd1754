import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TObject } from 'typebox'
import Value from 'typebox/value'

/** An answer of a REST call that is no success. Each forge puts it into its own form. */
export function refusal(statusCode: number, message: string): Error & { statusCode: number } {
  return Object.assign(new Error(message), { statusCode })
}

export function statusCodeOf(err: unknown): number {
  const isError = err instanceof Error && 'statusCode' in err && typeof err.statusCode === 'number'
  return isError ? (err.statusCode as number) : 500
}

/** The token of `Authorization: Bearer …` or `Authorization: token …`. */
export function bearerToken(request: FastifyRequest): string | null {
  return /^(?:bearer|token) +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

/** One page of a list, with `Link` headers (RFC 8288) to the others, as both forges send them. */
export function paginate<T>(request: FastifyRequest, reply: FastifyReply, list: T[], base: string): T[] {
  const query = request.query as Record<string, string | undefined>
  const perPage = Math.min(wholeNumber(query.per_page, 30), 100)
  const page = wholeNumber(query.page, 1)
  const last = Math.max(1, Math.ceil(list.length / perPage))
  const link = (number: number, rel: string) => {
    const url = new URL(request.url, base)
    url.searchParams.set('page', String(number))
    return `<${url.href}>; rel="${rel}"`
  }
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev'), link(1, 'first')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : [])
  ]
  if (links.length > 0) reply.header('link', links.join(', '))
  return list.slice((page - 1) * perPage, page * perPage)
}

function wholeNumber(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^[1-9][0-9]{0,6}$/.test(text) ? Number(text) : otherwise
}

/**
 * The parameters of a call, wherever they stand: query, form or JSON, as text or as what they mean. GitLab takes them all.
 *
 * @throws a refusal with status 400 that names the first one that is not valid.
 */
export function parameters<S extends TObject>(request: FastifyRequest, schema: S): Static<S> {
  const body = typeof request.body === 'object' && request.body !== null ? request.body : {}
  const given: unknown = Value.Convert(schema, { ...(request.query as object), ...body })
  if (Value.Check(schema, given)) return given
  const [problem] = Value.Errors(schema, given)
  const missing = (problem?.params as { requiredProperties?: string[] } | undefined)?.requiredProperties
  const text =
    missing === undefined
      ? `${problem?.instancePath.split('/')[1]} does not have a valid value`
      : `${missing.join(', ')} is missing`
  throw Object.assign(refusal(400, text), { parameter: true })
}
