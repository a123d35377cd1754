import type { FunctionView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { buildHref, ownerHref } from '../addresses.ts'
import { call } from '../live/call.ts'
import { useMay } from '../live/use-may.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { Section } from '../parts/page-head.tsx'
import { useAction } from '../parts/use-action.ts'
import type { FunctionTab } from './function.tsx'

export function FunctionSettings({ one, reload }: FunctionTab) {
  const may = useMay()
  const about = { owner: one.owner, repositoryId: one.repositoryId }
  return (
    <>
      {may('scaleFunction', about) && <Scale one={one} reload={reload} />}
      {may('pauseFunction', about) && <Pause one={one} reload={reload} />}
      {may('redeployFunction', about) && <Redeploy one={one} />}
      {may('removeFunction', about) && <Remove one={one} />}
    </>
  )
}

function Scale({ one: { owner, name, live }, reload }: FunctionTab) {
  const [wanted, setWanted] = useState(live?.replicas ?? 1)
  const { isRunning, run } = useAction()
  const isByHand = live?.isScaledByHand === true
  return (
    <Section
      title="Scale"
      note={
        isByHand
          ? 'Somebody chose how many replicas take its calls: that holds until the next version.'
          : 'How many replicas of the live deployment take its calls.'
      }
    >
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault()
          run(async () => {
            await call('scaleFunction', { owner, name, replicas: wanted })
            reload()
            return `${name} runs with ${wanted} ${wanted === 1 ? 'replica' : 'replicas'}.`
          })
        }}
      >
        <label>
          Replicas
          <input
            type="number"
            min={0}
            max={100}
            required
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.valueAsNumber)}
          />
        </label>
        <button type="submit" class="button" disabled={isRunning || live === null || wanted === live.replicas}>
          {isRunning ? 'Starting them' : 'Scale'}
        </button>
        {(isByHand || live?.replicas === 0) && (
          <button
            type="button"
            class="button"
            disabled={isRunning}
            onClick={() =>
              run(async () => {
                const { live: scaled } = await call('scaleFunction', { owner, name, replicas: null })
                if (scaled !== null) setWanted(scaled.replicas)
                reload()
                return `${name} scales by itself again.`
              })
            }
          >
            Let it scale by itself
          </button>
        )}
      </form>
    </Section>
  )
}

function Pause({ one: { owner, name, isPaused }, reload }: FunctionTab) {
  const { route } = useLocation()
  const { isRunning, run } = useAction()
  const pause = () =>
    run(async () => {
      await call('pauseFunction', { owner, name })
      reload()
      return `Pushes do not deploy ${name} any more.`
    })
  const resume = () =>
    run(async () => {
      const { build } = await call('resumeFunction', { owner, name })
      reload()
      if (build === null) return `Pushes deploy ${name} again. It missed nothing.`
      route(buildHref(build.id))
      return `Pushes deploy ${name} again. What it missed is deployed now.`
    })
  return (
    <Section
      title="Pushes"
      note={
        isPaused
          ? 'Pushes do not deploy it. Resuming brings what it missed at once.'
          : 'Every push to the production branch deploys it. While it is paused it answers as it is.'
      }
    >
      <button type="button" class="button" disabled={isRunning} onClick={isPaused ? resume : pause}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
    </Section>
  )
}

function Redeploy({ one: { owner, name, live, repositoryId } }: { one: FunctionView }) {
  const { route } = useLocation()
  const { isRunning, run } = useAction()
  const redeploy = () =>
    run(async () => {
      const build = await call('redeployFunction', { owner, name })
      route(buildHref(build.id))
      return `${name} is deployed again.`
    })
  return (
    <Section title="Deploy again" note="The live image anew, with the variables and secrets of now. Nothing is built.">
      <button
        type="button"
        class="button"
        disabled={isRunning || live === null || repositoryId === null}
        onClick={redeploy}
      >
        Deploy again
      </button>
    </Section>
  )
}

function Remove({ one: { owner, name, live, repositoryId } }: { one: FunctionView }) {
  const { route } = useLocation()
  return (
    <Section title="Remove" note="Takes the function out of service. Its deployments and logs stay to be looked at.">
      <ConfirmButton
        label="Remove"
        title={`Take ${name} out of service?`}
        confirm={`Remove ${name}`}
        tone="danger"
        isSmall={false}
        isDisabled={live === null}
        onConfirm={async () => {
          const { message } = await call('removeFunction', { owner, name })
          route(ownerHref(owner))
          return message
        }}
      >
        <p>Calls get 404 from now on.</p>
        {repositoryId !== null && <p>The next push of its repository that still has it brings it back.</p>}
      </ConfirmButton>
    </Section>
  )
}
