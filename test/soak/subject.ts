import type { Relay } from '../chaos/relay.ts'
import type { Subject } from '../chaos/subject.ts'
import { type Scene, stackOf } from '../system/scene.ts'

/**
 * Each push changes the function's own file, so that it needs an image, and its environment, which is what it answers: with whatever
 * image it runs, the answer says which commit is live.
 */
export async function createSoakSubject(scene: Scene, index: number, owner: string): Promise<Subject> {
  const repository = await scene.repository({ owner, name: `shop-${index}` })
  const name = `main-${index}`
  const pushed: string[] = []
  const words = new Set<string>()
  let head: { commit: string; answers: Record<string, string> } | null = null
  let last = Promise.resolve()

  async function push({ arrival }: Parameters<Subject['push']>[0], relay: Relay): Promise<void> {
    const word = `${owner}-${index}-${pushed.length + 1}`
    words.add(word)
    const commit = await repository.workingCopy.commit(
      {
        'stack.yml': stackOf({ [name]: { handler: './main', more: ['environment:', `  word: ${word}`] } }),
        'main/handler.js': `// ${word}\nmodule.exports = async (event, context) => context.status(200).succeed(process.env.word)\n`
      },
      word
    )
    relay.expect(commit, arrival)
    await repository.workingCopy.push({ force: true })
    head = { commit, answers: { [name]: word } }
    pushed.push(commit)
  }

  return {
    owner,
    mainFunction: name,
    repository,
    pushed,
    words,
    expected: () => head,
    push(planned, relay) {
      last = last.then(() => push(planned, relay))
      return last
    }
  }
}
