import type { TriedView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { linesSince, type RuntimeLine } from '../log/lines-since.ts'
import { LogBox, LogRow } from '../log/log-box.tsx'
import { Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { useAction } from '../parts/use-action.ts'
import { headersOf } from '../words/headers.ts'
import { formatDuration } from '../words/time.ts'
import type { FunctionTab } from './function.tsx'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const
const isMethod = (text: string): text is (typeof methods)[number] => methods.some((one) => one === text)

interface Tried {
  answer: TriedView
  lines: RuntimeLine[]
}

/** Send a request and see the answer, with what the function printed meanwhile. */
export function FunctionTry({ one: { owner, name, live } }: FunctionTab) {
  const [method, setMethod] = useState<(typeof methods)[number]>('GET')
  const [path, setPath] = useState('/')
  const [headers, setHeaders] = useState('')
  const [body, setBody] = useState('')
  const [tried, setTried] = useState<Tried | null>(null)
  const { isRunning, run } = useAction()
  if (live === null) {
    return (
      <Empty title="Nothing of it is live">
        <p>There is nothing to call.</p>
      </Empty>
    )
  }
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const send = () =>
    run(async () => {
      const answer = await call('tryFunction', {
        owner,
        name,
        method,
        path,
        headers: headersOf(headers),
        ...(hasBody ? { body } : {})
      })
      setTried({ answer, lines: [] })
      setTried({ answer, lines: await linesSince(owner, name, answer.at) })
      return null
    })
  return (
    <>
      <Section title="Request" note="Goes through the gateway, as anybody's would.">
        <form
          class="form wide"
          onSubmit={(event) => {
            event.preventDefault()
            send()
          }}
        >
          <div class="inline-form">
            <label>
              Method
              <select value={method} onChange={({ currentTarget: { value } }) => isMethod(value) && setMethod(value)}>
                {methods.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label class="grow">
              Path and query
              <input required pattern="/.*" value={path} onInput={(event) => setPath(event.currentTarget.value)} />
            </label>
            <button type="submit" class="button primary" disabled={isRunning}>
              {isRunning ? 'Waiting for it' : 'Send'}
            </button>
          </div>
          <label>
            Headers, one a line
            <textarea
              rows={2}
              spellcheck={false}
              placeholder="content-type: application/json"
              value={headers}
              onInput={(event) => setHeaders(event.currentTarget.value)}
            />
          </label>
          {hasBody && (
            <label>
              Body
              <textarea
                rows={5}
                spellcheck={false}
                value={body}
                onInput={(event) => setBody(event.currentTarget.value)}
              />
            </label>
          )}
        </form>
      </Section>
      {tried !== null && <Answer tried={tried} />}
    </>
  )
}

function Answer({ tried: { answer, lines } }: { tried: Tried }) {
  const { status, headers, body, isCut, durationMs } = answer
  return (
    <>
      <Section
        title="Answer"
        note={
          <>
            <Status tone={status < 400 ? 'good' : status < 500 ? 'warning' : 'bad'}>{String(status)}</Status> after{' '}
            {formatDuration(durationMs)}
          </>
        }
      >
        <div class="log">
          <pre class="answer" tabIndex={0} aria-label="The answer's body">
            {body === '' ? 'An empty body.' : body}
          </pre>
        </div>
        {isCut && <p class="note">Only its beginning is shown.</p>}
        <details class="headers">
          <summary>{Object.keys(headers).length} headers</summary>
          <pre tabIndex={0}>
            {Object.entries(headers)
              .map(([name, value]) => `${name}: ${value}`)
              .join('\n')}
          </pre>
        </details>
      </Section>
      <Section title="What it printed meanwhile">
        {lines.length === 0 ? (
          <p class="note">Nothing.</p>
        ) : (
          <div class="log">
            <LogBox label="What it printed meanwhile" lines={lines} isFollowed={false} empty="">
              {lines.map((line, index) => (
                <LogRow key={index} at={line.at} stream={line.stream} text={line.text} />
              ))}
            </LogBox>
          </div>
        )}
      </Section>
    </>
  )
}
