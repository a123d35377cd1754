import type { BuildDetail } from '@slipway/client'
import { useEvery } from '../live/use-every.ts'
import { WaitReason } from '../parts/wait-reason.tsx'

const everyMs = 5000

/** What the build waits for and when its turn is. Asked again while it waits: what others do tells this page nothing. */
export function BuildWait({ build: { waitsFor, turn }, reload }: { build: BuildDetail; reload: () => void }) {
  useEvery(waitsFor === null ? null : everyMs, reload)
  // What went wrong is told above, and with it when it is tried again.
  if (waitsFor === null || waitsFor.kind === 'retry') return null
  return (
    <p class="standing">
      It waits: <WaitReason of={waitsFor} />
      {turn !== null && turn > 1 && `. It is number ${turn} of all that wait here`}.
    </p>
  )
}
