import type { RouteOutput } from '@slipway/client'
import { Ago } from './time.tsx'

type Limit = RouteOutput<'listForges'>['items'][number]['limits'][number]

const exact = (count: number) => count.toLocaleString('en-GB')

/** What is left of what a forge lets be called. Asking on a timer leaves the last fifth to what cannot wait. */
export function RateLimit({ whose, remaining, limit, resetAt }: Limit) {
  return (
    <>
      {exact(remaining)} of {exact(limit)} calls left for {whose}, all again <Ago at={resetAt} />
    </>
  )
}
