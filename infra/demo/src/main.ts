import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Failure } from '@slipway/domain'
import { createLocalForge, type GitHubLocalForge } from '@slipway/local-forge'
import { createLogger } from '@slipway/service'
import { type Installation, startInstallation } from './installation.ts'
import { type CommitNote, tellStory } from './story.ts'
import { createWorkingCopy, type WorkingCopy } from './working-copy.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)
const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
const home = resolve(process.env.SLIPWAY_HOME ?? '.slipway')
const webhookSecret = 'the demo has no secret to keep'
const owner = 'alice'

async function startForge(): Promise<GitHubLocalForge> {
  const forge = await createLocalForge({
    kind: 'github',
    root: join(home, 'forge'),
    logger: createLogger('forge', 'warn'),
    developer: owner
  })
  // Somebody else, to see what strangers see.
  forge.people.createUser('bob')
  say(`a git host to try it with: ${forge.url}`)
  return forge
}

async function startSlipway(forge: GitHubLocalForge): Promise<Installation> {
  const startedAt = Date.now()
  const installation = await startInstallation({
    home,
    env: {
      ...process.env,
      GITHUB_URL: forge.url,
      GITHUB_API_URL: forge.apiUrl,
      GITHUB_APP_ID: String(forge.app.id),
      GITHUB_PRIVATE_KEY: forge.app.privateKey,
      GITHUB_WEBHOOK_SECRET: webhookSecret,
      GITHUB_CLIENT_ID: forge.oauthClient.clientId,
      GITHUB_CLIENT_SECRET: forge.oauthClient.clientSecret
    }
  })
  forge.setCallbackUrls([`${installation.endpoints.api}/auth/github/callback`])
  forge.setWebhook({ url: `${installation.endpoints.receiver}/webhooks/github`, secret: webhookSecret })
  say(
    `slipway up: two processes, Redis and a registry, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s (log in ${installation.logFile})`
  )
  return installation
}

/** Waits until the forge was told how the commit ended: what stands on it is final and has settled. */
async function notesOf(forge: GitHubLocalForge, repositoryId: number, commit: string): Promise<CommitNote[]> {
  const isFinal = (notes: CommitNote[]) =>
    notes.length > 0 && notes.every(({ state }) => state !== 'queued' && state !== 'in_progress')
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const notes = forge.statuses(repositoryId, commit)
    if (isFinal(notes)) return notes
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Failure('unavailable', 'the commit was not told how its build ended')
}

async function exampleRepository(forge: GitHubLocalForge) {
  const known = forge.repositories().find(({ fullName }) => fullName === `${owner}/hello`)
  return known ?? forge.createRepository({ owner, name: 'hello', isPrivate: true })
}

/** Whoever goes on by hand writes `git commit` and `git push` alone, also on a machine where git knows nobody yet. */
async function beOnesOwn({ git }: WorkingCopy): Promise<void> {
  await git('config', 'user.name', owner)
  await git('config', 'user.email', `${owner}@example.com`)
  await git('config', 'branch.main.remote', 'origin')
  await git('config', 'branch.main.merge', 'refs/heads/main')
}

async function runDemo(): Promise<void> {
  await mkdir(home, { recursive: true })
  const forge = await startForge()
  let installation: Installation | null = null
  try {
    installation = await startSlipway(forge)
    const repository = await exampleRepository(forge)
    const directory = join(home, 'example')
    await rm(directory, { recursive: true, force: true })
    const workingCopy = await createWorkingCopy(directory, repository.cloneUrl)
    // A second demo goes on where the first one ended.
    if ((await workingCopy.git('ls-remote', '--heads', 'origin', 'main')) !== '')
      await workingCopy.git('pull', '--quiet', 'origin', 'main')
    await beOnesOwn(workingCopy)
    await tellStory({ installation, workingCopy, notesOf: (commit) => notesOf(forge, repository.id, commit), say })

    say('')
    if (values.once) say('That is all. "npm run demo" stays up; "npm run demo -- --clean" removes what it made.')
    else await stayUp(installation, repository.pageUrl, directory)
  } finally {
    await installation?.stop()
    await forge.close()
  }
}

async function stayUp(installation: Installation, pageUrl: string, directory: string): Promise<void> {
  const { gateway, api } = installation.endpoints
  const link = await installation.api.createClaim({ opensSession: true })
  say('It stays up until Ctrl-C. Try, in another terminal:')
  const hints = [
    [`curl ${gateway}/function/${owner}-hello`, 'the function'],
    [`curl http://${owner}.localhost:${new URL(gateway).port}/hello`, "the same, at its owner's host"],
    ['npm run slipway -- status', 'what is live'],
    [`cd ${directory}`, 'change hello/handler.js, then: git commit -am "Mine" && git push'],
    ['npm run slipway -- logs -f', 'the newest build, while it runs'],
    [pageUrl, 'what stands on the commits'],
    [`${api}/api/v1/openapi.json`, 'the status API'],
    [`${api}/auth/github/start`, 'sign in as alice, whose function it is, or as bob']
  ]
  const width = Math.max(...hints.map(([what = '']) => what.length))
  for (const [what = '', why = ''] of hints) say(`  ${what.padEnd(width)}  ${why}`)
  say('')
  say(`The dashboard: ${link.url}`)
  say('  (signs you in as the administrator, once; "npm run slipway -- admin claim --session" makes another link)')
  say('A function of your own: see "Make a function of your own" in README.md.')
  return new Promise((done) => {
    process.once('SIGINT', () => done())
    process.once('SIGTERM', () => done())
  })
}

try {
  await runDemo()
} catch (err) {
  if (!(err instanceof Failure)) throw err
  process.stderr.write(`the demo failed: ${err.message}\n`)
  process.exitCode = 1
}
