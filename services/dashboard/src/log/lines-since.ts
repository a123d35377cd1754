import type { RuntimeLogLine } from '@slipway/domain'
import { send } from '../live/call.ts'

export type RuntimeLine = RuntimeLogLine

/** What a function takes to have its last line in the log. */
const settleMs = 300

/** What a function printed since then. @throws ApiProblem */
export async function linesSince(owner: string, name: string, since: number): Promise<RuntimeLine[]> {
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const path = `/api/v1/functions/${encodeURIComponent(owner)}/${encodeURIComponent(name)}/log?since=${since}&tail=200`
  const response = await send(path, { headers: { accept: 'text/event-stream' } })
  const frames = (await response.text()).split('\n\n')
  return frames.flatMap((frame) => {
    if (/^event: /m.test(frame)) return []
    const data = /^data: (.*)$/m.exec(frame)?.[1]
    return data === undefined ? [] : [JSON.parse(data) as RuntimeLine]
  })
}
