import { useLoaded } from '../live/use-loaded.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { ForgeProblems } from '../parts/forge-problems.tsx'
import { Show } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'

/** How its pushes are heard of, what came last, and what is wrong on the way. */
export function RepositoryHealth({ id }: { id: string }) {
  const health = useLoaded('getRepositoryHealth', { id }, (event) => event.repositoryId === id)
  return (
    <Show of={health} rows={1}>
      {({ mode, reason, lastDelivery, problems, checkedAt }) => (
        <>
          <ForgeProblems problems={problems} />
          <Facts>
            <Fact label="How pushes are heard of">
              {mode === 'webhooks' && 'its forge delivers them'}
              {mode === 'polling' && `its forge is asked every few seconds: ${reason ?? 'it cannot deliver'}`}
              {mode === null && 'folders are sent; no forge is asked'}
            </Fact>
            <Fact label="Last delivery">
              {lastDelivery === null ? (
                'none yet'
              ) : (
                <>
                  {lastDelivery.eventName} <Ago at={lastDelivery.receivedAt} />: {lastDelivery.outcome}
                </>
              )}
            </Fact>
            <Fact label="Wrong on the way">{problems.length === 0 ? 'nothing is known' : problems.length}</Fact>
            <Fact label="Looked at">{checkedAt === null ? '–' : <Ago at={checkedAt} />}</Fact>
          </Facts>
        </>
      )}
    </Show>
  )
}
