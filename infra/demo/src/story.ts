import type { StatusApi } from '@slipway/client'
import { Failure, isTerminal, shortCommit } from '@slipway/domain'
import type { Installation } from './installation.ts'
import type { WorkingCopy } from './working-copy.ts'

/** What stands on a commit at the forge. */
export interface CommitNote {
  context: string
  state: string
  description: string
}

export interface StoryDeps {
  installation: Installation
  workingCopy: WorkingCopy
  /** Waits until the forge was told how a commit ended. */
  notesOf(commit: string): Promise<CommitNote[]>
  say(line: string): void
}

const stack = `version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: node
    handler: ./hello
`

const brokenStack = stack.replace('lang: node', 'lang: nodejs22')

const handlerSaying = (words: string) => `'use strict'

module.exports = async (event, context) => {
  const name = event.query.name || 'world'
  return context.status(200).succeed(\`Hello, \${name}! ${words}\\n\`)
}
`

/** Four pushes of one repository, as its owner would see them; the last one mends it, so that whoever tries it pushes to what works. @throws when one does not end as it should. */
export async function tellStory({ installation, workingCopy, notesOf, say }: StoryDeps): Promise<void> {
  const { api, endpoints } = installation
  const url = `${endpoints.gateway}/function/alice-hello?name=you`

  async function push(files: Record<string, string>, message: string, expected: 'live' | 'failed'): Promise<void> {
    const commit = await workingCopy.commit(files, message)
    say('')
    say(`$ git commit -m "${message}" && git push    (${Object.keys(files).join(', ')} → ${shortCommit(commit)})`)
    const startedAt = Date.now()
    await workingCopy.push()
    const build = await follow(api, commit, say)
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    say(`  ${build.status} ${seconds} s after the push${build.reason === null ? '' : `: ${build.reason}`}`)
    if (build.status !== expected) throw new Failure('build-failed', `the build should have ended ${expected}`)
    for (const { context, state, description } of await notesOf(commit))
      say(`  on the commit: ${context} is ${state}: ${description}`)
  }

  async function call(expected: string): Promise<void> {
    const response = await fetch(url)
    const text = (await response.text()).trimEnd()
    say(`$ curl ${url}`)
    say(`  ${text}`)
    if (!text.includes(expected)) throw new Failure('bad-gateway', `the answer should have said "${expected}"`)
  }

  await push(
    { 'stack.yml': stack, 'hello/handler.js': handlerSaying('This is the first version.') },
    'Say hello',
    'live'
  )
  await call('first version')
  await push({ 'hello/handler.js': handlerSaying('This is the second version.') }, 'Say it better', 'live')
  await call('second version')
  await push({ 'stack.yml': brokenStack }, 'Break it', 'failed')
  await call('second version')
  await push({ 'stack.yml': stack }, 'Mend it', 'live')
}

/** Prints a build's log while it happens. */
async function follow(api: StatusApi, commit: string, say: (line: string) => void) {
  const build = await newest(api, commit)
  for await (const { step, functionName, text } of api.followLog(build.id, { follow: true })) {
    const mark = functionName === null ? step : `${functionName}: ${step}`
    for (const line of text.split('\n')) say(`  │ ${mark.padEnd(16)} ${line}`)
  }
  const ended = await api.getBuild({ id: build.id })
  if (!isTerminal(ended.status)) throw new Failure('unavailable', `the log ended, but the build is ${ended.status}`)
  return ended
}

async function newest(api: StatusApi, commit: string) {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const [build] = (await api.listBuilds({ commit, limit: 1 })).items
    if (build !== undefined) return build
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Failure('unavailable', 'the push was not recorded within 10 s: look at the deliveries')
}
