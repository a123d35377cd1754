import type { Logger } from '@slipway/service'
import type { Core } from './core.ts'
import type { Deliveries } from './deliveries.ts'
import type { ForgeForm } from './form.ts'
import type { GitRequest, RefChange } from './git-http.ts'
import { describePush } from './push.ts'

export interface TellingDeps {
  core: Core
  form: ForgeForm
  deliveries: Deliveries
  logger: Logger
}

/** Turns what git changed into webhooks, after the push and without holding it up. */
export interface Telling {
  onPush(git: GitRequest, changes: RefChange[]): void
  settled(): Promise<void>
}

export function createTelling({ core, form, deliveries, logger }: TellingDeps): Telling {
  const { repositories, accounts, commits, now } = core
  const queues = createQueues()

  async function tell({ repository, login }: GitRequest, changes: RefChange[]): Promise<void> {
    const sender = (login === null ? null : accounts.byLogin(login)) ?? core.developer
    const pushed = repositories.byId(repository.id)
    if (pushed === null) return
    for (const change of changes) {
      const content = form.describePush(await describePush(commits, pushed, sender, change, form.commitLimit))
      if (content !== null) deliveries.send(content)
    }
  }

  function onPush(git: GitRequest, changes: RefChange[]): void {
    queues.add(git.repository.id, async () => {
      try {
        await repositories.change(git.repository.id, { pushedAt: now() })
        await tell(git, changes)
      } catch (err) {
        // The push is done and its client gone: nobody else is there to be told.
        logger.error({ err, repository: git.repository.fullName }, 'could not tell of a push')
      }
    })
  }

  return { onPush, settled: queues.settled }
}

/** One thing after the other per repository, so that pushes are told in the order in which they came. */
function createQueues() {
  const last = new Map<number, Promise<void>>()
  return {
    add(id: number, work: () => Promise<void>) {
      const done = (last.get(id) ?? Promise.resolve()).then(work).finally(() => {
        if (last.get(id) === done) last.delete(id)
      })
      last.set(id, done)
    },
    async settled() {
      while (last.size > 0) await Promise.all(last.values())
    }
  }
}
