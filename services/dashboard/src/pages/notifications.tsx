import { OwnerNotifications } from '../parts/notifications.tsx'
import { PageHead } from '../parts/page-head.tsx'

export function NotificationsPage({ owner }: { owner: string }) {
  return (
    <div class="page">
      <PageHead title="Notifications" note={`Who else is told of what happens to ${owner}.`} />
      <OwnerNotifications key={owner} owner={owner} />
    </div>
  )
}
