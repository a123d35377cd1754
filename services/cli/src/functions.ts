import type { DeploymentView, EnvironmentView, FunctionView, StatusApi } from '@slipway/client'
import { Failure, pinnedReference, shortCommit } from '@slipway/domain'
import { ago, onOneLine, table, tableOfReasons } from './table.ts'

export const stateOf = ({ live, isPaused }: Pick<FunctionView, 'live' | 'isPaused'>) =>
  `${live === null ? 'not live' : 'live'}${isPaused ? ', paused' : ''}`

const short = (commit: string | null | undefined) => (commit == null ? '-' : shortCommit(commit))
const when = (at: number | null | undefined, now: number) => (at == null ? '-' : ago(at, now))

export function shownFunctions(functions: readonly FunctionView[], now: number): string {
  if (functions.length === 0) return 'No functions yet: push a repository with a stack.yml.'
  return table(
    ['FUNCTION', 'STATE', 'COMMIT', 'REPLICAS', 'SINCE', 'URL'],
    functions.map((one) => [
      `${one.owner}/${one.name}`,
      stateOf(one),
      short(one.live?.commit),
      one.live === null ? '-' : String(one.live.replicas),
      when(one.live?.liveAt, now),
      one.url ?? '-'
    ])
  )
}

/** Everything about one function. */
export interface Inspection {
  function: FunctionView
  deployments: DeploymentView[]
  environment: EnvironmentView
}

export async function inspect(
  api: Pick<StatusApi, 'getFunction' | 'listDeployments' | 'getEnvironment'>,
  of: { owner: string; name: string }
): Promise<Inspection> {
  const record = await api.getFunction(of)
  const [deployments, environment] = await Promise.all([
    api.listDeployments({ ...of, limit: 10 }),
    api.getEnvironment(of)
  ])
  return { function: record, deployments: deployments.items, environment }
}

export function shownInspection({ function: one, deployments, environment }: Inspection, now: number): string {
  const { live } = one
  const facts: [string, string][] = [
    ['function', `${one.owner}/${one.name}`],
    ['state', stateOf(one)],
    ['url', one.url ?? '-'],
    ['commit', live?.commit ?? '-'],
    ['image', live === null ? '-' : pinnedReference(live.image)],
    ['replicas', live === null ? '-' : `${live.replicas}${live.isScaledByHand ? ', set by hand' : ''}`],
    ['live since', when(live?.liveAt, now)],
    ...scheduleFacts(one, now),
    ['secrets', live === null || live.secrets.length === 0 ? '-' : live.secrets.map(({ name }) => name).join(', ')]
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  return [
    ...facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    '',
    shownEnvironment(environment),
    '',
    deployments.length === 0 ? 'Never deployed.' : shownDeployments(deployments, now)
  ].join('\n')
}

function scheduleFacts({ schedule, isPaused }: Pick<FunctionView, 'schedule' | 'isPaused'>, now: number) {
  if (schedule === null) return []
  const { expressions, timezone, isOverlapAllowed, nextAt, last } = schedule
  const next = nextAt === null ? (isPaused ? 'none while it is paused' : 'none') : new Date(nextAt).toISOString()
  const before = last === null ? '-' : `${ago(last.at, now)}, ${last.outcome}`
  const facts: [string, string][] = [
    ['schedule', `${expressions.join('; ')} (${timezone}${isOverlapAllowed ? ', calls may overlap' : ''})`],
    ['next call', next],
    ['last due', last?.reason == null ? before : `${before}: ${onOneLine(last.reason)}`]
  ]
  return facts
}

function shownDeployments(deployments: readonly DeploymentView[], now: number): string {
  return tableOfReasons(
    ['DEPLOYMENT', 'STATUS', 'COMMIT', 'LIVE', 'WHY'],
    deployments.map((one) => [one.id, one.status, short(one.commit), when(one.liveAt, now), one.reason ?? ''])
  )
}

/** Each value with where it comes from and what it stands over. */
export function shownEnvironment({ runtime, build, isLiveOtherwise }: EnvironmentView): string {
  const rows = [
    ...runtime.map((one) => ({ use: 'runtime', ...one })),
    ...build.map((one) => ({ use: 'build', ...one }))
  ]
  if (rows.length === 0) return 'No variables: "slipway env set NAME=value" makes one.'
  return [
    table(
      ['USE', 'NAME', 'VALUE', 'FROM', 'OVER'],
      rows.map(({ use, name, value, source, over }) => [
        use,
        name,
        onOneLine(value),
        source,
        over.map((other) => `${onOneLine(other.value)} (${other.source})`).join(', ')
      ])
    ),
    ...(isLiveOtherwise ? ['!! what is live runs with other values: "slipway redeploy <function>" brings these'] : [])
  ].join('\n')
}

/**
 * The deployment that somebody means by its id or by the beginning of a commit with which it was live; the newest one of several.
 *
 * @throws Failure `not-found`
 */
export async function deploymentOf(
  api: Pick<StatusApi, 'listDeployments'>,
  of: { owner: string; name: string },
  named: string
): Promise<string> {
  const isCommit = /^[0-9a-f]{4,64}$/i.test(named)
  const { items } = await api.listDeployments({
    ...of,
    limit: 200,
    ...(isCommit ? { commit: named.toLowerCase() } : {})
  })
  const found = items.find(({ id, liveAt }) => (isCommit ? liveAt !== null : id === named))
  if (found !== undefined) return found.id
  const path = `${of.owner}/${of.name}`
  throw new Failure('not-found', `${path} was never live as ${named}: "slipway inspect ${path}" lists its deployments`)
}
