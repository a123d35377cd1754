import type { FunctionView, RepositoryView, ScheduleView } from '@slipway/client'
import { buildHref, functionHref, repositoryHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { Commit } from '../parts/commit.tsx'
import { CopyField } from '../parts/copy.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { Traffic } from '../parts/traffic.tsx'
import type { FunctionTab } from './function.tsx'
import { GivenUpNews } from './function-given-up.tsx'

export function FunctionOverview({ one }: FunctionTab) {
  const { owner, name, live, isPaused } = one
  const may = useMay()
  const repositories = useLoaded('listRepositories', { owner, limit: 200 })
  const repository = repositories.data?.items.find(({ id }) => id === one.repositoryId) ?? null
  if (live === null) {
    return (
      <Empty title="Nothing of it is live">
        <p>It was removed, or never went live. Push its repository, or make an earlier deployment live again.</p>
        <a href={functionHref(owner, name, 'deployments')} class="button">
          Its deployments
        </a>
      </Empty>
    )
  }
  return (
    <>
      {isPaused && (
        <div class="problem tone-warning">
          <strong>Pushes do not deploy it</strong>
          <p>
            Somebody paused it or rolled it back. It goes on answering as it is.{' '}
            {may('resumeFunction', { owner, repositoryId: one.repositoryId }) && (
              <>
                <a href={functionHref(owner, name, 'settings')}>Resume it</a> to have the head of its branch live again.
              </>
            )}
          </p>
        </div>
      )}
      {may('listGivenUpCalls', { owner, repositoryId: one.repositoryId }) && <GivenUpNews owner={owner} name={name} />}
      <Section title="Live deployment">
        <LiveFacts one={one} live={live} repository={repository} />
      </Section>
      {one.schedule !== null && <ScheduleFacts schedule={one.schedule} isPaused={isPaused} />}
      <Traffic owner={owner} name={name} />
      <Section title="Call it">
        <Calling one={one} />
      </Section>
      <Section title="Badge" note="One word on its state, for a README. A private repository's badge says unknown.">
        <Badge one={one} />
      </Section>
    </>
  )
}

function LiveFacts({
  one: { owner },
  live,
  repository
}: {
  one: FunctionView
  live: NonNullable<FunctionView['live']>
  repository: RepositoryView | null
}) {
  const { commit, buildId, image, replicas, liveAt, secrets, generation } = live
  return (
    <Facts>
      <Fact label="Commit">
        {commit === null ? (
          'deployed by API'
        ) : (
          <Commit commit={commit} url={repository?.commitUrl?.replace('{commit}', commit)} />
        )}
      </Fact>
      <Fact label="Repository">
        {repository === null ? '–' : <a href={repositoryHref(owner, repository.id)}>{repository.fullName}</a>}
      </Fact>
      <Fact label="Live since">{liveAt === null ? '–' : <Ago at={liveAt} />}</Fact>
      <Fact label="Replicas">{replicas}</Fact>
      <Fact label="Image">
        <code title={`${image.repository}@${image.digest}`}>{image.digest.slice(7, 19)}</code>
      </Fact>
      <Fact label="Generation">{generation}</Fact>
      <Fact label="Build">{buildId === null ? '–' : <a href={buildHref(buildId)}>its log and steps</a>}</Fact>
      <Fact label="Secrets">{secrets.length === 0 ? 'none' : secrets.map(({ name }) => name).join(', ')}</Fact>
    </Facts>
  )
}

function ScheduleFacts({ schedule, isPaused }: { schedule: ScheduleView; isPaused: boolean }) {
  const { expressions, timezone, isOverlapAllowed, nextAt, last } = schedule
  return (
    <Section title="Schedule" note={`It is called by itself, in the time of ${timezone}.`}>
      <Facts>
        <Fact label="When">
          <ul>
            {expressions.map((expression) => (
              <li key={expression}>
                <code>{expression}</code>
              </li>
            ))}
          </ul>
        </Fact>
        <Fact label="Next call">
          {nextAt === null ? isPaused ? 'not while it is paused' : 'none' : <Ago at={nextAt} />}
        </Fact>
        <Fact label="Last due">
          {last === null ? 'never yet' : <Ago at={last.at} />}
          {last?.outcome === 'skipped' && `, left out: ${last.reason ?? ''}`}
        </Fact>
        <Fact label="While a call is under way">{isOverlapAllowed ? 'called all the same' : 'left out'}</Fact>
      </Facts>
    </Section>
  )
}

function Calling({ one: { url, name } }: { one: FunctionView }) {
  if (url === null)
    return <p class="note">No public address is configured: an administrator sets GATEWAY_PUBLIC_URL.</p>
  return (
    <div class="stacked">
      <CopyField label={`how to call ${name}`} text={`curl ${url}`} />
      <CopyField
        label={`how to send ${name} data`}
        text={`curl -d '{"name":"you"}' -H 'content-type: application/json' ${url}`}
      />
    </div>
  )
}

function Badge({ one: { owner, name } }: { one: FunctionView }) {
  const address = `${location.origin}/badge/${encodeURIComponent(owner)}/${encodeURIComponent(name)}.svg`
  return (
    <div class="stacked">
      <img src={address} alt={`Badge of ${name}`} height="20" />
      <CopyField label="the badge's markdown" text={`![${name}](${address})`} />
    </div>
  )
}
