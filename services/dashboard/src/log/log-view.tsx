import { useMemo, useState } from 'preact/hooks'
import { LogBox, LogRow, LogSearch } from './log-box.tsx'
import { type LogLine, matching } from './log-lines.ts'
import { useBuildLog } from './use-build-log.ts'

/** More lines than this are not drawn at once. */
const shownLimit = 4000

/** A build's log while it is written: followed until one scrolls up, searched, by function. Of one that failed the end says why. */
export function BuildLogView({
  buildId,
  functions,
  hasFailed
}: {
  buildId: string
  functions: string[]
  hasFailed: boolean
}) {
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
        <LogSearch label="Search the log" value={search} set={setSearch} />
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
      <LogBox
        label="Log"
        lines={shown}
        isFollowed={!isComplete || hasFailed}
        empty={search !== '' ? 'No line has that.' : isComplete ? 'Nothing was written.' : 'Nothing was written yet.'}
      >
        {shown.map((line, index) => (
          <LogRow
            key={line.number}
            {...line}
            mark={isNewStep(shown[index - 1], line) ? markOf(line) : ''}
            search={search}
          />
        ))}
      </LogBox>
    </div>
  )
}

function isNewStep(before: LogLine | undefined, line: LogLine): boolean {
  return before === undefined || before.step !== line.step || before.functionName !== line.functionName
}

function markOf({ functionName, step }: LogLine): string {
  return functionName === null ? step : `${functionName} ${step}`
}
