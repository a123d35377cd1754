import {
  type Build,
  checkVariable,
  Failure,
  type Variable,
  type VariableChange,
  type VariableScope,
  type Variables,
  variableLimits
} from '@slipway/domain'
import { appendAudit } from './audit.ts'
import { queueRedeploys } from './build-redeploy.ts'
import { toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isConfiguredOtherwise } from './deployment-configuration.ts'
import { findVariables, lockVariables } from './variable-rows.ts'

function idOf(scope: VariableScope): string {
  if (scope.kind === 'owner') return ''
  return scope.kind === 'repository' ? scope.repositoryId : scope.functionName
}

/** @throws Failure `not-found` */
async function assertScope(tx: Transaction, { ownerId, scope }: VariableChange): Promise<void> {
  if (scope.kind === 'owner') {
    const owner = await tx.selectFrom('owners').select('id').where('id', '=', ownerId).executeTakeFirst()
    if (owner === undefined) throw new Failure('not-found', `there is no owner ${ownerId}`)
    return
  }
  if (scope.kind === 'repository') {
    const repository = await tx
      .selectFrom('repositories')
      .select('id')
      .where('id', '=', scope.repositoryId)
      .where('owner_id', '=', ownerId)
      .executeTakeFirst()
    if (repository === undefined) throw new Failure('not-found', `there is no repository ${scope.repositoryId}`)
    return
  }
  const fn = await tx
    .selectFrom('functions')
    .select('name')
    .where('owner_id', '=', ownerId)
    .where('name', '=', scope.functionName)
    .executeTakeFirst()
  if (fn === undefined) throw new Failure('not-found', `there is no function "${scope.functionName}"`)
}

function check({ use, set, remove }: VariableChange): void {
  for (const [name, value] of Object.entries(set)) {
    checkVariable(use, name, value)
    if (remove.includes(name)) throw new Failure('invalid-request', `${name} is to be both set and removed`)
  }
}

/** Of the variables, those of one scope and use. */
function within(variables: Variable[], { scope, use }: VariableChange): Variable[] {
  return variables.filter((one) => one.use === use && one.scope.kind === scope.kind && idOf(one.scope) === idOf(scope))
}

async function write(tx: Transaction, { ownerId, scope, use, set, remove, by }: VariableChange, now: number) {
  const place = { owner_id: ownerId, scope: scope.kind, scope_id: idOf(scope), used_in: use }
  for (const [name, value] of Object.entries(set)) {
    const said = { value, updated_at: now, updated_by: by }
    await tx
      .insertInto('variables')
      .values({ ...place, name, ...said })
      .onConflict((oc) => oc.columns(['owner_id', 'scope', 'scope_id', 'used_in', 'name']).doUpdateSet(said))
      .execute()
  }
  if (remove.length === 0) return
  await tx
    .deleteFrom('variables')
    .where('owner_id', '=', ownerId)
    .where('scope', '=', scope.kind)
    .where('scope_id', '=', idOf(scope))
    .where('used_in', '=', use)
    .where('name', 'in', remove)
    .execute()
}

/** Live functions of the owner whose environment is another one now. Paused ones keep theirs. */
async function findStale(tx: Transaction, ownerId: string) {
  const live = await tx
    .selectFrom('functions')
    .innerJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .selectAll('live')
    .where('functions.owner_id', '=', ownerId)
    .where('functions.is_paused', '=', 0)
    .orderBy('live.id')
    .execute()
  const variables = await findVariables(tx, ownerId)
  return live.filter((deployment) => isConfiguredOtherwise(deployment, variables))
}

async function change(
  tx: Transaction,
  wanted: VariableChange,
  now: number
): Promise<{ variables: Variable[]; redeploys: Build[] }> {
  const { ownerId, scope, use, set, remove, by, actor } = wanted
  check(wanted)
  await assertScope(tx, wanted)
  await lockVariables(tx, ownerId)
  const names = [...Object.keys(set), ...remove]
  const before = within(await findVariables(tx, ownerId), wanted)
  await write(tx, wanted, now)
  const after = within(await findVariables(tx, ownerId), wanted)
  if (after.length > variableLimits.perScope) {
    throw new Failure('limit-exceeded', `more than ${variableLimits.perScope} ${use} variables in one place`)
  }
  const valuesIn = (variables: Variable[]) =>
    Object.fromEntries(names.map((name) => [name, variables.find((one) => one.name === name)?.value ?? null]))
  await appendAudit(tx, {
    at: now,
    actor,
    action: 'set-variables',
    ownerId,
    resource: scope.kind === 'owner' ? `owner/${ownerId}` : `${scope.kind}/${idOf(scope)}`,
    detail: { use, before: valuesIn(before), after: valuesIn(after) }
  })
  if (use === 'build') return { variables: after, redeploys: [] }
  const message = `${names.length === 1 ? 'variable' : 'variables'} ${names.join(', ').slice(0, 200)} changed`
  const redeploys = await queueRedeploys(tx, await findStale(tx, ownerId), { by, message }, now)
  return { variables: after, redeploys: redeploys.map(toBuild) }
}

export function createVariables(database: Database): Variables {
  return {
    list: (ownerId) => database.read((db) => findVariables(db, ownerId)),
    change: (wanted, now) => database.write((tx) => change(tx, wanted, now))
  }
}
