import type { WaitView } from '@slipway/client'
import { buildHref } from '../addresses.ts'
import { Ago } from './time.tsx'

/** Why a build does not go on: behind `waits:`, as a sentence of its own. */
export function WaitReason({ of: { why, buildId, at } }: { of: WaitView }) {
  return (
    <>
      {buildId === null ? why : <a href={buildHref(buildId)}>{why}</a>}
      {at !== null && (
        <>
          {' '}
          <Ago at={at} />
        </>
      )}
    </>
  )
}
