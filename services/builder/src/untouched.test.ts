import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, BuildStatus, Deployment, FunctionRecord } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import type { PlannedFunction } from './function-images.ts'
import type { HeldClaim } from './stack-secrets.ts'
import { findUntouched } from './untouched.ts'

const signal = new AbortController().signal
const live = 'a'.repeat(40)
const head = 'b'.repeat(40)

const planned = (name: string, more: Partial<PlannedFunction['spec']> = {}): PlannedFunction => ({
  spec: { ...specOf(name), ...more },
  templateSource: 'built in',
  context: { contentKey: `key of ${name}` } as NonNullable<PlannedFunction['context']>,
  buildSecrets: [],
  image: null,
  warnings: []
})

interface Scene {
  trigger?: string
  commit?: string
  noCache?: boolean
  paths?: string[] | null
  record?: Partial<FunctionRecord>
  deployment?: Partial<Deployment>
  others?: string[]
  functions?: PlannedFunction[]
  /** Builds of the ref before this one, the newest first. */
  former?: BuildStatus[]
}

/** One function, `hello`, is live of the commit `a…`. */
function ask({ trigger = 'push', commit = head, noCache = false, ...scene }: Scene): Promise<string | null> {
  const record = { name: 'hello', repositoryId: 'r', isPaused: false, liveDeploymentId: 'd', ...scene.record }
  const spec = { ...specOf('hello'), environment: { LEVEL: 'by a variable' } }
  const image = { ...imageOf('hello'), tag: 'key of hello' }
  const deployment = { source: 'git', commit: live, image, spec, declaredEnvironment: {}, ...scene.deployment }
  const all = [record, ...(scene.others ?? []).map((name) => ({ ...record, name }))]
  const deps = {
    store: {
      builds: { list: () => Promise.resolve((scene.former ?? []).map((status) => ({ status })) as Build[]) },
      functions: {
        get: (_owner: string, name: string) =>
          Promise.resolve((name === 'hello' ? record : null) as FunctionRecord | null),
        list: () => Promise.resolve(all as FunctionRecord[])
      },
      deployments: { get: () => Promise.resolve(deployment as Deployment) }
    },
    mirrors: { changedPaths: () => Promise.resolve(scene.paths === undefined ? ['README.md'] : scene.paths) }
  }
  const build = { ownerId: 'o', trigger, commit, noCache }
  const claim = { build, repository: { id: 'r', stackPath: 'deploy/functions.yaml' } } as unknown as HeldClaim
  return findUntouched(deps, claim, scene.functions ?? [planned('hello')], signal)
}

test('a push that changes nothing of any function is told so, with the commit that is live; variables outside git do not count', async () => {
  assert.equal(await ask({}), 'no function has changed since aaaaaaa, which is live')
  assert.match((await ask({ trigger: 'head' })) ?? '', /no function has changed/)
})

test('builds that were given up say nothing of what came before them', async () => {
  assert.match((await ask({ former: ['superseded', 'live', 'failed'] })) ?? '', /no function has changed/)
})

const built: Record<string, Scene> = {
  'after one that failed': { former: ['cancelled', 'failed', 'live'] },
  'that somebody asked for': { trigger: 'rebuild' },
  'without the cache': { noCache: true },
  'of what is live already': { commit: live },
  'that changes what a function is made of': { deployment: { image: { ...imageOf('hello'), tag: 'another key' } } },
  'that changes how a function runs': { functions: [planned('hello', { environment: { LEVEL: 'info' } })] },
  'that adds a function': { functions: [planned('hello'), planned('more')] },
  'that removes a function': { others: ['more'] },
  'that touches the stack file': { paths: ['stack.yml'] },
  'that touches a stack file of another name': { paths: ['deploy/functions.yaml'] },
  'that touches sealed secrets': { paths: ['deploy/secrets.yml'] },
  'after which the live commit is not here any more': { paths: null },
  'to a function that is paused': { record: { isPaused: true } },
  'to a function that is not live': { record: { liveDeploymentId: null } },
  'to a function that was deployed by API': { deployment: { source: 'api' } }
}
for (const [what, scene] of Object.entries(built)) {
  test(`a push ${what} is built`, async () => {
    assert.equal(await ask(scene), null)
  })
}
