import { AuditList } from '../parts/audit-list.tsx'
import { PageHead } from '../parts/page-head.tsx'

export function AuditPage({ owner }: { owner: string }) {
  return (
    <div class="page">
      <PageHead title="Audit" note={`Who changed what of ${owner}, and who was refused what, newest first.`} />
      <AuditList owner={owner} />
    </div>
  )
}
