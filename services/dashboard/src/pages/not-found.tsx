import { PageHead } from '../parts/page-head.tsx'
import { Empty } from '../parts/states.tsx'

export function NotFoundPage() {
  return (
    <div class="page">
      <PageHead title="There is no such page" />
      <Empty title="The address may be mistyped, or what stood here is gone.">
        <a href="/" class="button">
          To the beginning
        </a>
      </Empty>
    </div>
  )
}
