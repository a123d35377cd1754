import type { RouteInput, RouteName, RouteOutput, Rule } from '@slipway/client'

const routes = builtInRoutes

/** What a call takes. */
export const ruleOf = (name: RouteName): Rule => routes[name][4]

/** What the status API answered instead: RFC 9457 problem details, or that it does not answer at all. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }
}

/**
 * One call of the status API, typed by the contract. The session's cookie goes with it by itself.
 *
 * @throws ApiProblem
 */
export async function call<N extends RouteName>(
  name: N,
  input: RouteInput<N>,
  signal?: AbortSignal
): Promise<RouteOutput<N>> {
  const [method, , , hasBody] = routes[name]
  const { path, body } = requestOf(name, input)
  const response = await send(path, {
    method,
    headers: { accept: 'application/json', ...(hasBody ? { 'content-type': 'application/json' } : {}) },
    ...(hasBody ? { body: JSON.stringify(body) } : {}),
    ...(signal === undefined ? {} : { signal })
  })
  return (await response.json()) as RouteOutput<N>
}

/** Something of ours that is no route of the contract. @throws ApiProblem */
export async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, init)
  } catch (err) {
    if (init.signal?.aborted) throw err
    throw new ApiProblem(0, 'unavailable', 'Slipway does not answer. It is asked again by itself.', { cause: err })
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

function requestOf(name: RouteName, input: Record<string, unknown>) {
  const [, pattern, queryNames] = routes[name]
  const rest = { ...input }
  const path = pattern.replaceAll(/:([a-zA-Z]+)/g, (_all, field: string) => {
    const value = String(rest[field])
    delete rest[field]
    return encodeURIComponent(value)
  })
  const query = new URLSearchParams()
  for (const field of queryNames) {
    const value = rest[field] as string | number | boolean | undefined
    if (value !== undefined) query.set(field, String(value))
    delete rest[field]
  }
  return { path: query.size === 0 ? path : `${path}?${query.toString()}`, body: rest }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text()
  const { code, detail } = parsed(text)
  return new ApiProblem(
    response.status,
    code ?? 'bad-gateway',
    detail ?? `Slipway answered ${response.status} without a reason. Is there a proxy in between that is not set up?`
  )
}

function parsed(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string }
  } catch {
    return {} // not ours: a proxy in between, perhaps
  }
}
