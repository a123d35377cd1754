import { useEffect, useRef, useState } from 'preact/hooks'
import { plainText } from '../log/ansi.ts'
import { LogText } from '../log/log-text.tsx'
import { useRuntimeLog } from '../log/use-runtime-log.ts'
import { Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
import { formatClock, formatExact } from '../words/time.ts'
import type { FunctionTab } from './function.tsx'

export function FunctionLogs({ one: { owner, name, live } }: FunctionTab) {
  if (live === null) {
    return (
      <Empty title="Nothing runs">
        <p>Once a deployment of {name} is live, what it prints appears here.</p>
      </Empty>
    )
  }
  return (
    <Section title="What it prints" note="All replicas of the live deployment, from the last 500 lines on.">
      <Following owner={owner} name={name} deploymentId={live.id} />
    </Section>
  )
}

function Following({ owner, name, deploymentId }: { owner: string; name: string; deploymentId: string }) {
  const { lines, isLost } = useRuntimeLog(owner, name, deploymentId)
  const [search, setSearch] = useState('')
  const [isHeld, setHeld] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  const wanted = search.toLowerCase()
  const found = wanted === '' ? lines : lines.filter(({ text }) => plainText(text).toLowerCase().includes(wanted))
  useEffect(() => {
    if (box.current !== null && !isHeld) box.current.scrollTop = box.current.scrollHeight
  }, [lines, isHeld])
  const instances = [...new Set(lines.map(({ instance }) => instance))]
  return (
    <div class="log">
      <div class="log-bar">
        <input
          type="search"
          placeholder="Search what came"
          aria-label="Search what came"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={!isHeld} onChange={(event) => setHeld(!event.currentTarget.checked)} />
          Follow
        </label>
        <span class="note" role="status">
          {isLost ? 'Connecting again' : wanted === '' ? 'Following' : `${found.length} of ${lines.length} lines`}
        </span>
      </div>
      <div ref={box} class="log-lines" tabIndex={0} role="log" aria-label="What it prints" aria-live="off">
        {found.length === 0 && (
          <p class="note">{wanted === '' ? 'It has printed nothing yet.' : 'No line has that.'}</p>
        )}
        {found.map(({ number, at, instance, stream, text }) => (
          <div key={number} class={`line stream-${stream}`}>
            <time title={formatExact(at)}>{formatClock(at)}</time>
            <span class="mark" title={instance}>
              {instances.length > 1 ? `replica ${instances.indexOf(instance) + 1}` : ''}
            </span>
            <LogText text={text} search={search} />
          </div>
        ))}
      </div>
    </div>
  )
}
