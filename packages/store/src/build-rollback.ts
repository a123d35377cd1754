import { type Builds, Failure } from '@slipway/domain'
import { newBuildRow, toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { lockRepository, nextGeneration, stopReason } from './repositories.ts'
import type { DeploymentRow } from './schema.ts'

/** The deployment that a rollback is asked for, if it can be had. */
async function findEarlier(tx: Transaction, id: string): Promise<DeploymentRow & { repository_id: string }> {
  const earlier = await tx.selectFrom('deployments').selectAll().where('id', '=', id).executeTakeFirst()
  if (earlier === undefined) throw new Failure('not-found', `there is no deployment ${id}`)
  const { repository_id: repositoryId } = earlier
  if (repositoryId === null) {
    throw new Failure('conflict', `"${earlier.function_name}" was deployed by API: deploy the former version again`)
  }
  if (earlier.status !== 'ended' && earlier.status !== 'draining') {
    const why = earlier.status === 'failed' ? 'never became ready' : `is ${earlier.status}`
    throw new Failure('conflict', `this deployment of "${earlier.function_name}" ${why}: choose an earlier one`)
  }
  return { ...earlier, repository_id: repositoryId }
}

export function createRollback(database: Database): Pick<Builds, 'queueRollback'> {
  return {
    queueRollback: (deploymentId, by, now) =>
      database.write(async (tx) => {
        const earlier = await findEarlier(tx, deploymentId)
        const repository = await lockRepository(tx, earlier.repository_id)
        const stopped = await stopReason(tx, repository)
        if (stopped !== null) throw new Failure('conflict', `${stopped}: nothing of it can be deployed`)
        const generation = await nextGeneration(tx, repository.id)
        const former =
          earlier.build_id === null
            ? undefined
            : await tx.selectFrom('builds').selectAll().where('id', '=', earlier.build_id).executeTakeFirst()
        if (former === undefined) throw new Failure('conflict', 'the build of this deployment is not known any more')
        const build = await tx
          .insertInto('builds')
          .values(
            newBuildRow({
              owner_id: earlier.owner_id,
              repository_id: repository.id,
              ref: former.ref,
              commit: earlier.commit ?? former.commit,
              trigger: 'rollback',
              status: 'deploying',
              generation,
              message: former.message,
              sender: by,
              created_at: now,
              started_at: now,
              deploying_at: now
            })
          )
          .returningAll()
          .executeTakeFirstOrThrow()
        await tx
          .insertInto('build_functions')
          .values({
            build_id: build.id,
            name: earlier.function_name,
            position: 0,
            status: 'built',
            spec_json: earlier.spec_json,
            image_json: earlier.image_json,
            is_reused: 1,
            deployment_id: earlier.id,
            started_at: now,
            built_at: now
          })
          .execute()
        return toBuild(build)
      })
  }
}
