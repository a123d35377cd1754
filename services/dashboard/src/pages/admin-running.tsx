import type { RunningView } from '@slipway/client'
import { functionHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import type { Tone } from '../words/build.ts'

const tones: Record<RunningView['status'], Tone> = {
  starting: 'busy',
  live: 'good',
  draining: 'waiting',
  ended: 'warning',
  failed: 'warning',
  unknown: 'warning'
}

export function AdminRunning() {
  const running = useLoaded('listRunning', {}, ({ kind }) => kind !== 'delivery')
  return (
    <>
      <Section
        title="What runs in the cluster"
        note="As the cluster says, and what the store says of it. What the store does not know is left alone."
      >
        <Show of={running}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing runs">
                <p>The first push that goes live starts something.</p>
              </Empty>
            ) : (
              <ul class="rows">
                {items.map((one) => (
                  <RunningRow key={one.deploymentId} one={one} />
                ))}
              </ul>
            )
          }
        </Show>
      </Section>
      <Section
        title="Clean up"
        note="Happens by itself. By hand it takes away now what is not kept: logs, builds, images, mirrors and what dead workers left."
      >
        <ConfirmButton
          label="Clean up now"
          title="Take away what is not kept?"
          confirm="Clean up"
          isSmall={false}
          onConfirm={async () => {
            const { removed, problems } = await call('cleanUp', {})
            const words = removed.map(({ what, count }) => `${count} ${what}`).join(', ') || 'Nothing had to go'
            return problems.length === 0 ? `${words}.` : `${words}. ${problems.join('. ')}`
          }}
        >
          <p>What runs, what can be rolled back to, and what the settings say is kept stays. It may take a minute.</p>
        </ConfirmButton>
      </Section>
    </>
  )
}

function RunningRow({ one: { owner, name, replicas, availableReplicas, status, createdAt } }: { one: RunningView }) {
  const functionName = name.startsWith(`${owner}-`) ? name.slice(owner.length + 1) : null
  return (
    <li class="row build-row">
      <Status tone={tones[status]}>{status}</Status>
      <div class="row-main">
        {functionName === null ? (
          <span class="strong">{name}</span>
        ) : (
          <a href={functionHref(owner, functionName)} class="strong">
            {name}
          </a>
        )}
      </div>
      <div class="row-end note">
        <span>
          {availableReplicas} of {replicas} ready
        </span>
        <span>
          started <Ago at={createdAt} />
        </span>
      </div>
    </li>
  )
}
