import type { BuildDetail } from '@slipway/client'
import { useEffect } from 'preact/hooks'
import { buildHref } from '../addresses.ts'
import { Ago } from '../parts/time.tsx'

const everyMs = 5000

/** What the build waits for and when its turn is. Asked again while it waits: what others do tells this page nothing. */
export function BuildWait({ build: { waitsFor, turn }, reload }: { build: BuildDetail; reload: () => void }) {
  const isWaiting = waitsFor !== null
  useEffect(() => {
    if (!isWaiting) return
    const timer = setInterval(reload, everyMs)
    return () => clearInterval(timer)
  }, [isWaiting, reload])
  if (waitsFor === null) return null
  const { why, buildId, at } = waitsFor
  return (
    <p class="standing" role="status">
      {'It waits for: '}
      {buildId === null ? why : <a href={buildHref(buildId)}>{why}</a>}
      {at !== null && (
        <>
          {' '}
          <Ago at={at} />
        </>
      )}
      {turn !== null && turn > 1 && `. It is number ${turn} of all that wait here`}.
    </p>
  )
}
