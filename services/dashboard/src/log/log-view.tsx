import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { formatClock, formatExact } from '../words/time.ts'
import { type LogLine, matching } from './log-lines.ts'
import { LogText } from './log-text.tsx'
import { useBuildLog } from './use-build-log.ts'

/** More lines than this are not drawn at once. */
const shownLimit = 4000

/** A build's log while it is written: followed until one scrolls up, searched, by function. */
export function BuildLogView({ buildId, functions }: { buildId: string; functions: string[] }) {
  const { lines, isComplete, isLost } = useBuildLog(buildId)
  const [search, setSearch] = useState('')
  const [functionName, setFunctionName] = useState<string | null>(null)
  const [isWhole, setWhole] = useState(false)
  const found = useMemo(() => matching(lines, { search, functionName }), [lines, search, functionName])
  const shown = isWhole ? found : found.slice(-shownLimit)
  const state = isComplete ? `${lines.length} lines` : isLost ? 'Connection lost, trying again' : 'Following'
  return (
    <div class="log">
      <div class="log-bar">
        <input
          type="search"
          placeholder="Search the log"
          aria-label="Search the log"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        {functions.length > 1 && (
          <select
            aria-label="Function"
            value={functionName ?? ''}
            onChange={(event) => setFunctionName(event.currentTarget.value || null)}
          >
            <option value="">All functions</option>
            {functions.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
        <span class="note" role="status">
          {search === '' ? state : `${found.length} of ${lines.length} lines`}
        </span>
        <span class="spacer" />
        <a class="button small" href={`/api/v1/builds/${encodeURIComponent(buildId)}/log`} download={`${buildId}.log`}>
          Download
        </a>
      </div>
      {found.length > shown.length && (
        <button type="button" class="button small more" onClick={() => setWhole(true)}>
          {`Show ${found.length - shown.length} earlier lines`}
        </button>
      )}
      <Lines lines={shown} search={search} isFollowed={!isComplete} />
    </div>
  )
}

function Lines({ lines, search, isFollowed }: { lines: LogLine[]; search: string; isFollowed: boolean }) {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useEffect(() => {
    const element = box.current
    if (element !== null && isFollowed && isAtEnd.current) element.scrollTop = element.scrollHeight
  }, [lines, isFollowed])
  return (
    <div
      ref={box}
      class="log-lines"
      tabIndex={0}
      role="log"
      aria-label="Log"
      // Every line read aloud while hundreds come would be of no use.
      aria-live="off"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
      }}
    >
      {lines.length === 0 && <p class="note">{search === '' ? 'Nothing was written yet.' : 'No line has that.'}</p>}
      {lines.map((line, index) => (
        <Line key={line.number} line={line} isFirstOfStep={isNewStep(lines[index - 1], line)} search={search} />
      ))}
    </div>
  )
}

function isNewStep(before: LogLine | undefined, line: LogLine): boolean {
  return before === undefined || before.step !== line.step || before.functionName !== line.functionName
}

function Line({ line, isFirstOfStep, search }: { line: LogLine; isFirstOfStep: boolean; search: string }) {
  const { number, at, step, functionName, stream, text } = line
  return (
    <div class={`line stream-${stream}`}>
      <time title={formatExact(at)}>{formatClock(at)}</time>
      <span class="mark">{isFirstOfStep ? `${functionName === null ? '' : `${functionName} `}${step}` : ''}</span>
      <LogText key={number} text={text} search={search} />
    </div>
  )
}
