import type { RouteOutput } from '@slipway/client'
import { formatCount } from '../words/chart.ts'
import { Ago } from './time.tsx'

type Limit = RouteOutput<'listForges'>['items'][number]['limits'][number]

/** What is left of what a forge lets be called. Asking on a timer leaves the last fifth to what cannot wait. */
export function RateLimit({ whose, remaining, limit, resetAt }: Limit) {
  return (
    <>
      {formatCount(remaining)} of {formatCount(limit)} calls left for {whose}, all again <Ago at={resetAt} />
    </>
  )
}
