import { type FunctionSpec, type SecretPin, specWithVariables, type Variable, variablesFor } from '@slipway/domain'
import type { Transaction } from './database.ts'
import type { DeploymentRow } from './schema.ts'
import { findPins, pinsOf } from './secret-pins.ts'
import { specNow } from './variable-rows.ts'

/** What `stack.yml` said of a deployment, without the variables that went over it. */
export function declaredSpecOf(row: DeploymentRow): FunctionSpec {
  const spec = JSON.parse(row.spec_json) as FunctionSpec
  if (row.declared_spec_json === null) return spec
  return JSON.parse(row.declared_spec_json) as FunctionSpec
}

/** What a deployment would be configured with now. A secret that is not there any more stays as it has it. */
export async function configurationNow(
  tx: Transaction,
  buildId: string,
  deployment: DeploymentRow
): Promise<Pick<DeploymentRow, 'secrets_json' | 'spec_json' | 'write_timeout_ms'>> {
  const { owner_id: ownerId, repository_id: repositoryId } = deployment
  const declared = declaredSpecOf(deployment)
  const current = await findPins(tx, { buildId, ownerId }, declared.secrets)
  const before = pinsOf(deployment)
  const pins = declared.secrets.flatMap((name): SecretPin[] => {
    const pin = [...current, ...before].find((one) => one.name === name)
    return pin === undefined ? [] : [pin]
  })
  const spec = await specNow(tx, { ownerId, repositoryId }, declared)
  return {
    secrets_json: JSON.stringify(pins),
    spec_json: JSON.stringify(spec),
    write_timeout_ms: spec.writeTimeoutMs
  }
}

/** Has it another environment than these variables give it? */
export function isConfiguredOtherwise(deployment: DeploymentRow, variables: Variable[]): boolean {
  const declared = declaredSpecOf(deployment)
  const about = { repositoryId: deployment.repository_id, functionName: declared.name, use: 'runtime' as const }
  return JSON.stringify(specWithVariables(declared, variablesFor(variables, about))) !== deployment.spec_json
}

/** Would it be configured otherwise now, its secrets included? */
export async function isStale(tx: Transaction, buildId: string, deployment: DeploymentRow): Promise<boolean> {
  const now = await configurationNow(tx, buildId, deployment)
  return now.secrets_json !== deployment.secrets_json || now.spec_json !== deployment.spec_json
}
