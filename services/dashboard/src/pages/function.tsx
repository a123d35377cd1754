import type { FunctionView, RouteName } from '@slipway/client'
import type { ComponentChildren } from 'preact'
import { functionHref } from '../addresses.ts'
import { useLoaded } from '../live/use-loaded.ts'
import { useMay } from '../live/use-may.ts'
import { FunctionState } from '../parts/function-row.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Show } from '../parts/states.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { Ago } from '../parts/time.tsx'
import { FunctionAccess } from './function-access.tsx'
import { FunctionDeployments } from './function-deployments.tsx'
import { FunctionEnvironment } from './function-environment.tsx'
import { FunctionGivenUp } from './function-given-up.tsx'
import { FunctionLogs } from './function-logs.tsx'
import { FunctionOverview } from './function-overview.tsx'
import { FunctionSettings } from './function-settings.tsx'
import { FunctionTry } from './function-try.tsx'
import { NotFoundPage } from './not-found.tsx'

export interface FunctionTab {
  one: FunctionView
  reload: () => void
}

interface Tab {
  label: string
  page: (tab: FunctionTab) => ComponentChildren
  /** It is there for who may do one of these; without: for everybody. */
  routes?: RouteName[]
}

const tabs = {
  '': { label: 'Overview', page: FunctionOverview },
  deployments: { label: 'Deployments', page: FunctionDeployments },
  logs: { label: 'Logs', page: FunctionLogs },
  'given-up': { label: 'Given up', page: FunctionGivenUp, routes: ['listGivenUpCalls'] },
  try: { label: 'Try it', page: FunctionTry, routes: ['tryFunction'] },
  environment: { label: 'Environment', page: FunctionEnvironment, routes: ['getEnvironment'] },
  access: { label: 'Access', page: FunctionAccess },
  settings: { label: 'Settings', page: FunctionSettings, routes: ['scaleFunction', 'removeFunction'] }
} satisfies Record<string, Tab>
const isTab = (text: string): text is keyof typeof tabs => Object.hasOwn(tabs, text)

export function FunctionPage({ owner, name, tab = '' }: { owner: string; name: string; tab?: string }) {
  const loaded = useLoaded(
    'getFunction',
    { owner, name },
    (event) => event.owner === owner && (event.function === name || event.kind === 'build')
  )
  const may = useMay()
  if (!isTab(tab)) return <NotFoundPage />
  const Page = tabs[tab].page
  return (
    <div class="page">
      <Show of={loaded}>
        {(one) => (
          <>
            <PageHead title={name} note={<FunctionNote one={one} />}>
              {one.url !== null && (
                <a href={one.url} class="button small" target="_blank" rel="noreferrer">
                  Open
                </a>
              )}
            </PageHead>
            <Tabs
              label={`Pages of ${name}`}
              tabs={tabsFor((route) => may(route, { owner, repositoryId: one.repositoryId })).map(
                ([key, { label }]) => ({
                  href: functionHref(owner, name, key),
                  label,
                  isCurrent: key === tab
                })
              )}
            />
            <Page one={one} reload={loaded.reload} />
          </>
        )}
      </Show>
    </div>
  )
}

const tabsFor = (may: (route: RouteName) => boolean): [string, Tab][] =>
  Object.entries<Tab>(tabs).filter(([, { routes }]) => routes?.some(may) ?? true)

function FunctionNote({ one }: { one: FunctionView }) {
  const { url, live } = one
  return (
    <>
      <FunctionState one={one} />
      {live?.liveAt != null && (
        <>
          {' · deployed '}
          <Ago at={live.liveAt} />
        </>
      )}
      {url !== null && (
        <>
          {' · '}
          <a href={url} target="_blank" rel="noreferrer" class="address">
            {url.replace(/^https?:\/\//, '')}
          </a>
        </>
      )}
    </>
  )
}
