import type { HealthView, RouteOutput } from '@slipway/client'
import { adminHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useEvery } from '../live/use-every.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { Meter } from '../parts/meter.tsx'
import { Section } from '../parts/page-head.tsx'
import { RateLimit } from '../parts/rate-limit.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'
import { formatBytes } from '../words/bytes.ts'

const everyMs = 10_000

/** How every part is. Asked again while somebody looks: what is away tells no event. */
export function AdminHealth() {
  const health = useLoaded('getHealth', {})
  const forges = useLoaded('listForges', {})
  useEvery(everyMs, health.reload)
  return (
    <Show of={health} rows={6}>
      {({ parts, services, disks, uses, checkedAt }) => (
        <>
          <Section
            title="Parts"
            note={
              <>
                Asked <Ago at={checkedAt} />, and every ten seconds while you look.
              </>
            }
            actions={<Probe />}
          >
            <ul class="rows">
              {parts.map((part) => (
                <Part key={part.name} {...part} />
              ))}
              {(forges.data?.items ?? []).map((forge) => (
                <Forge key={forge.forgeId} forge={forge} />
              ))}
            </ul>
          </Section>
          <Services services={services} />
          <Section
            title="Disks"
            note="A build waits while less is free than it wants: everything that may go is cleaned up first."
          >
            <Disks disks={disks} />
          </Section>
          <Section
            title="What takes room"
            note="Folders of the state directory, and the engine’s build cache, are measured every half hour."
          >
            <Uses uses={uses} />
          </Section>
        </>
      )}
    </Show>
  )
}

function Part({ name, isOk, detail, tookMs }: HealthView['parts'][number]) {
  return (
    <li class="row health-row">
      <Status tone={isOk ? 'good' : 'bad'}>{isOk ? 'Good' : 'Bad'}</Status>
      <div class="row-main">
        <span class="strong">{name}</span>
        <span class={isOk ? 'note' : 'reason'}>{detail}</span>
      </div>
      <div class="row-end note">{tookMs !== null && <span>{tookMs} ms</span>}</div>
    </li>
  )
}

function Forge({ forge }: { forge: RouteOutput<'listForges'>['items'][number] }) {
  const { forgeId, mode, problems, limits, lastError, checkedAt } = forge
  const isGood = problems.length === 0
  return (
    <li class="row health-row">
      <Status tone={isGood ? 'good' : 'warning'}>{isGood ? 'Good' : 'To mend'}</Status>
      <div class="row-main">
        <a class="strong" href={adminHref('forges')}>
          {forgeId}
        </a>
        <span class={isGood ? 'note' : 'reason'}>
          {problems[0]?.message ??
            (mode === 'webhooks' ? 'it delivers pushes' : 'it is asked for pushes every few seconds')}
        </span>
        {limits.map((limit) => (
          <span key={limit.whose} class="note">
            <RateLimit {...limit} />
          </span>
        ))}
        {lastError !== null && (
          <span class="note">
            last error <Ago at={lastError.at} />: {lastError.message}
          </span>
        )}
      </div>
      <div class="row-end note">
        <Ago at={checkedAt} />
      </div>
    </li>
  )
}

/** What `slipway doctor` finds out, from here. */
function Probe() {
  const { isRunning, run } = useAction()
  return (
    <button
      type="button"
      class="button small"
      disabled={isRunning}
      onClick={() =>
        run(async () => {
          const { parts } = await call('getHealth', { probe: true })
          const wrong = parts.filter(({ isOk }) => !isOk)
          if (wrong.length === 0) return `All of it holds: ${parts.map(({ name }) => name).join(', ')}.`
          return wrong.map(({ name, detail }) => `${name}: ${detail}`).join('. ')
        })
      }
    >
      {isRunning ? 'Trying it' : 'Try what holds in the cluster'}
    </button>
  )
}

function Services({ services }: { services: HealthView['services'] }) {
  const versions = new Set(services.filter(({ isSilent }) => !isSilent).map(({ version }) => version))
  return (
    <Section
      title="Services"
      note={
        versions.size > 1
          ? `They are of different versions (${[...versions].join(', ')}): restart the older ones.`
          : `Each says every ten seconds that it is there. Version ${[...versions].join('')}.`
      }
    >
      {services.length === 0 ? (
        <Empty title="None has said yet that it is there" />
      ) : (
        <ul class="rows">
          {services.map((one) => (
            <Service key={one.id} {...one} />
          ))}
        </ul>
      )}
    </Section>
  )
}

function Service(one: HealthView['services'][number]) {
  const { id, kind, host, version, startedAt, seenAt, isSilent, isLeader, slots } = one
  const extra = [isLeader === true ? 'leads' : '', slots === null ? '' : `${slots} builds at a time`].filter(Boolean)
  return (
    <li class="row health-row">
      <Status tone={isSilent ? 'bad' : 'good'}>{isSilent ? 'Silent' : 'There'}</Status>
      <div class="row-main">
        <span>
          <span class="strong">{kind}</span> {version}
          {extra.length > 0 && <span class="note"> · {extra.join(', ')}</span>}
        </span>
        <span class="note clip" title={id}>
          {host} · {id}
        </span>
      </div>
      <div class="row-end note">
        <span>
          seen <Ago at={seenAt} />
        </span>
        <span>
          started <Ago at={startedAt} />
        </span>
      </div>
    </li>
  )
}

function Disks({ disks }: { disks: HealthView['disks'] }) {
  if (disks.length === 0) return <p class="note">No builder has told yet of its disks.</p>
  return (
    <ul class="rows">
      {disks.map(({ host, what, path, freeBytes, totalBytes, wantedBytes, isShort }) => (
        <li key={`${host} ${what}`} class="row health-row">
          <Status tone={isShort ? 'bad' : 'good'}>{isShort ? 'Full' : 'Room'}</Status>
          <div class="row-main">
            <span class="strong">{what}</span>
            <span class="note clip">
              {path} at {host}
            </span>
          </div>
          <Meter label={`Used of ${what}`} value={totalBytes - freeBytes} most={totalBytes} isOver={isShort} />
          <div class="row-end note">
            <span>
              {formatBytes(freeBytes)} of {formatBytes(totalBytes)} free
            </span>
            <span>a build wants {formatBytes(wantedBytes)}</span>
          </div>
        </li>
      ))}
    </ul>
  )
}

function Uses({ uses }: { uses: HealthView['uses'] }) {
  return (
    <ul class="rows">
      {uses.map(({ host, what, bytes, limitBytes }) => (
        <li key={`${host ?? ''} ${what}`} class="row">
          <div class="row-main">
            <span class="strong">{what}</span>
            {host !== null && <span class="note">at {host}</span>}
          </div>
          {limitBytes !== null && (
            <Meter label={`Used by ${what}`} value={bytes} most={limitBytes} isOver={bytes > limitBytes} />
          )}
          <div class="row-end note">
            <span>{formatBytes(bytes)}</span>
            {limitBytes !== null && <span>cut to {formatBytes(limitBytes)}</span>}
          </div>
        </li>
      ))}
    </ul>
  )
}
