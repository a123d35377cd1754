import { type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'
import type { Change, PlannedPush } from './plan.ts'
import type { Relay } from './relay.ts'

/** What a commit should make its functions answer; null: it has no such function. */
export type Expected = Record<string, string | null>

/** One repository that is pushed to, and what should be live of it. */
export interface Subject {
  readonly owner: string
  /** The function that every commit has, and that is called all the time. */
  readonly mainFunction: string
  readonly repository: TestRepository
  /** Every commit that was pushed, oldest first. */
  readonly pushed: string[]
  /** Everything that its main function may ever have said. */
  readonly words: Set<string>
  /** Of the branch's head. */
  expected(): { commit: string; answers: Expected } | null
  /** Pushes, one after the other. */
  push(planned: Pick<PlannedPush, 'change' | 'arrival'>, relay: Relay): Promise<void>
}

interface Content {
  words: string
  configuration: string
  hasSecond: boolean
}

export async function createSubject(scene: Scene, index: number, owner: string): Promise<Subject> {
  const repository = await scene.repository({ owner, name: `shop-${index}` })
  const names = { main: `main-${index}`, second: `second-${index}` }
  const pushed: string[] = []
  const words = new Set<string>()
  const contents = new Map<string, Content>()
  let head: string | null = null
  let count = 0
  let last = Promise.resolve()

  const answersOf = ({ words: said, configuration, hasSecond }: Content): Expected => ({
    [names.main]: `${said} ${configuration}`,
    [names.second]: hasSecond ? `second of ${index}` : null
  })

  async function change(change: Change): Promise<string> {
    const { workingCopy } = repository
    const former = head === null ? null : (contents.get(head) ?? null)
    if (change.kind === 'back') {
      const commits = [...new Set(pushed)].filter((commit) => commit !== head)
      const commit = commits.toReversed()[Math.floor(change.far * commits.length)]
      if (commit !== undefined) {
        await workingCopy.git('reset', '--quiet', '--hard', commit)
        return commit
      }
    }
    count += 1
    const { words: said, configuration, hasSecond } = former ?? { words: '', configuration: 'plain', hasSecond: false }
    const content: Content = {
      words: change.kind === 'words' || change.kind === 'back' || former === null ? `${owner} ${index}.${count}` : said,
      configuration: change.kind === 'configuration' ? `word${count}` : configuration,
      hasSecond: change.kind === 'function' && former !== null ? !hasSecond : hasSecond
    }
    const commit = await workingCopy.commit(filesOf(content, names, index), `${change.kind} ${count}`)
    contents.set(commit, content)
    words.add(`${content.words} ${content.configuration}`)
    return commit
  }

  async function push({ change: kind, arrival }: Pick<PlannedPush, 'change' | 'arrival'>, relay: Relay): Promise<void> {
    const commit = await change(kind)
    relay.expect(commit, arrival)
    await repository.workingCopy.push({ force: true })
    head = commit
    pushed.push(commit)
  }

  return {
    owner,
    mainFunction: names.main,
    repository,
    pushed,
    words,
    expected: () => (head === null ? null : { commit: head, answers: answersOf(contents.get(head) as Content) }),
    push(planned, relay) {
      last = last.then(() => push(planned, relay))
      return last
    }
  }
}

function filesOf(
  content: Content,
  names: { main: string; second: string },
  index: number
): Record<string, string | null> {
  const environment = ['environment:', `  word: ${content.configuration}`]
  const main = { handler: './main', more: environment }
  return {
    'stack.yml': stackOf({
      [names.main]: main,
      ...(content.hasSecond ? { [names.second]: { handler: './second' } } : {})
    }),
    'main/handler.js': `module.exports = async (event, context) => context.status(200).succeed(${JSON.stringify(`${content.words} `)} + process.env.word)\n`,
    'second/handler.js': content.hasSecond ? saying(`second of ${index}`) : null
  }
}
