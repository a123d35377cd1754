import { useState } from 'preact/hooks'
import { plainText } from '../log/ansi.ts'
import { LogBox, LogRow, LogSearch } from '../log/log-box.tsx'
import { useRuntimeLog } from '../log/use-runtime-log.ts'
import { Section } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'
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
  const wanted = search.toLowerCase()
  const found = wanted === '' ? lines : lines.filter(({ text }) => plainText(text).toLowerCase().includes(wanted))
  const instances = [...new Set(lines.map(({ instance }) => instance))]
  return (
    <div class="log">
      <div class="log-bar">
        <LogSearch label="Search what came" value={search} set={setSearch} />
        <label class="check">
          <input type="checkbox" checked={!isHeld} onChange={(event) => setHeld(!event.currentTarget.checked)} />
          Follow
        </label>
        <span class="note" role="status">
          {isLost ? 'Connecting again' : wanted === '' ? 'Following' : `${found.length} of ${lines.length} lines`}
        </span>
      </div>
      <LogBox
        label="What it prints"
        lines={found}
        isFollowed={!isHeld}
        empty={wanted === '' ? 'It has printed nothing yet.' : 'No line has that.'}
      >
        {found.map(({ number, instance, ...line }) => (
          <LogRow
            key={number}
            {...line}
            mark={instances.length > 1 ? `replica ${instances.indexOf(instance) + 1}` : ''}
            markTitle={instance}
            search={search}
          />
        ))}
      </LogBox>
    </div>
  )
}
