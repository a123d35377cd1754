import type { StatusApi, VariableView } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { ago, onOneLine, table } from './table.ts'

/** What a variable is set for: a function, all of a repository, or all of an owner. */
export interface Scope {
  owner: string
  repository?: { id: string; fullName: string }
  functionName?: string
}

export type Use = 'runtime' | 'build'

/** @throws Failure `invalid-request` for what is no `NAME=value` */
export function readAssignments(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new Failure('invalid-request', `${JSON.stringify(pair)} is no variable: write NAME=value`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    })
  )
}

export async function changeVariables(
  api: Pick<StatusApi, 'changeVariables'>,
  { owner, repository, functionName }: Scope,
  use: Use,
  change: { set?: Record<string, string>; remove?: string[] }
) {
  return api.changeVariables({
    owner,
    use,
    ...(repository === undefined ? {} : { repository: repository.id }),
    ...(functionName === undefined ? {} : { function: functionName }),
    ...change
  })
}

/** What a change did, in words: values are not said again. */
export function shownChange(
  what: string,
  { owner, repository, functionName }: Scope,
  use: Use,
  builds: readonly { id: string }[]
): string {
  const whom = functionName === undefined ? (repository?.fullName ?? owner) : `${owner}/${functionName}`
  if (use === 'build') return `${what} for builds of ${whom}: it counts from the next build on`
  if (builds.length === 0) return `${what} for ${whom}: nothing that is live has another environment now`
  const ids = builds.map(({ id }) => id)
  return `${what} for ${whom}: its functions are deployed again (${ids.join(', ')}); "slipway logs -f --build ${ids[0]}" follows`
}

/** Values outside git, with what each is set for. */
export async function listVariables(
  api: Pick<StatusApi, 'listVariables' | 'listRepositories'>,
  { owner, repository }: Scope
): Promise<{ variables: VariableView[]; names: Map<string, string> }> {
  const { items } = await api.listVariables({ owner })
  const variables = items.filter((one) => repository === undefined || one.repositoryId === repository.id)
  const isNamed = variables.some(({ repositoryId }) => repositoryId !== null)
  const repositories = isNamed ? (await api.listRepositories({ owner, limit: 200 })).items : []
  return { variables, names: new Map(repositories.map(({ id, fullName }) => [id, fullName])) }
}

export function shownVariables(
  owner: string,
  variables: readonly VariableView[],
  names: ReadonlyMap<string, string>,
  now: number
): string {
  if (variables.length === 0) return 'No variables: "slipway env set NAME=value" makes one.'
  const whomOf = ({ repositoryId, function: functionName }: VariableView) => {
    if (functionName !== null) return `function ${owner}/${functionName}`
    return repositoryId === null ? `owner ${owner}` : `repository ${names.get(repositoryId) ?? repositoryId}`
  }
  return table(
    ['FROM', 'USE', 'NAME', 'VALUE', 'CHANGED', 'BY'],
    variables.map((one) => [
      whomOf(one),
      one.use,
      one.name,
      onOneLine(one.value),
      ago(one.updatedAt, now),
      onOneLine(one.updatedBy)
    ])
  )
}
