import { adminHref } from '../addresses.ts'
import { useMe } from '../live/use-me.ts'
import { AuditList } from '../parts/audit-list.tsx'
import { AdminNotifications } from '../parts/notifications.tsx'
import { PageHead, Section } from '../parts/page-head.tsx'
import { Tabs } from '../parts/tabs.tsx'
import { AdminForges } from './admin-forges.tsx'
import { AdminHealth } from './admin-health.tsx'
import { AdminOwners } from './admin-owners.tsx'
import { AdminQueue } from './admin-queue.tsx'
import { AdminRunning } from './admin-running.tsx'
import { NotFoundPage } from './not-found.tsx'

const tabs = {
  '': { label: 'Health', page: AdminHealth },
  queue: { label: 'Queue', page: AdminQueue },
  running: { label: 'Running', page: AdminRunning },
  owners: { label: 'Owners', page: AdminOwners },
  forges: { label: 'Forges', page: AdminForges },
  notifications: { label: 'Notifications', page: AdminNotifications },
  audit: { label: 'Audit', page: AdminAudit }
}
const isTab = (text: string): text is keyof typeof tabs => Object.hasOwn(tabs, text)

export function AdminPage({ tab = '' }: { tab?: string }) {
  const { isAdministrator } = useMe()
  if (!isTab(tab) || !isAdministrator) return <NotFoundPage />
  const Page = tabs[tab].page
  return (
    <div class="page">
      <PageHead title="Administration" note="This installation as a whole." />
      <Tabs
        label="Pages of administration"
        tabs={Object.entries(tabs).map(([key, { label }]) => ({ href: adminHref(key), label, isCurrent: key === tab }))}
      />
      <Page />
    </div>
  )
}

function AdminAudit() {
  return (
    <Section title="Every change">
      <AuditList />
    </Section>
  )
}
