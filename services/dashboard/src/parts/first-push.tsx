import { CopyField } from './copy.tsx'
import { Empty } from './states.tsx'

const example = `version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: node
    handler: ./hello`

/** What to do where no function is yet. */
export function FirstPush({ owner, hasBuilds }: { owner: string; hasBuilds: boolean }) {
  return (
    <Empty title="No function is live yet">
      {hasBuilds ? (
        <p>Builds ran, but none went live. The latest one, below, says why.</p>
      ) : (
        <>
          <p>
            Put a <code>stack.yml</code> at the root of a connected repository and push. The build appears here within a
            second, the function a few seconds later.
          </p>
          <CopyField label="stack.yml" text={example} />
          <p>Or without git and without a forge, from a terminal in an empty folder:</p>
          <CopyField label="the commands" text={`slipway init hello\nslipway deploy --owner ${owner}`} />
        </>
      )}
    </Empty>
  )
}
